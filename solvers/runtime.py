"""Threads and device, set in one place.

Several libraries have thread pools of their own (BLAS, OpenMP in torch and numba, Taichi). Pools
that spin at the same time slow each other down several times, so one call sets them all: numba and
Taichi use `threads` threads, BLAS and torch use one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Runtime:
    """What `configure` set: the number of worker threads, and the torch device of tensors."""

    threads: int
    device: torch.device


def available_threads() -> int:
    """Number of cores that this process may use, and no more than NUMBA_NUM_THREADS says."""
    import numba

    affine = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if affine else os.cpu_count() or 1
    return min(cores, numba.config.NUMBA_NUM_THREADS)  # pyright: ignore


def configure(threads: int | None = None, device: str = "cpu") -> Runtime:
    """Set every thread pool, check the device, and return both.

    threads: worker threads, all cores if None. device: "cpu" or "cuda".
    Raises ValueError with one line if the machine cannot do what is asked.
    """
    import numba
    import threadpoolctl

    most = available_threads()
    threads = most if threads is None else threads
    if not 1 <= threads <= most:
        raise ValueError(f"threads must be between 1 and {most} on this machine, not {threads}")
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device must be cpu or cuda, not {device}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("no CUDA device is usable here; run with --device cpu")
    numba.set_num_threads(threads)
    torch.set_num_threads(1)
    threadpoolctl.threadpool_limits(limits=1, user_api="blas")
    return Runtime(threads, torch.device(device))


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished, so that a clock can be read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
