"""Threads and device, set in one place.

Several libraries have thread pools of their own (BLAS, OpenMP in torch and numba, Taichi). Pools
that spin at the same time slow each other down several times, so one call sets them all: numba and
Taichi use `threads` threads, BLAS and torch use one.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Runtime:
    """What `configure` set: the number of worker threads, and the torch device of tensors."""

    threads: int
    device: torch.device


def available_threads() -> int:
    """Number of cores that this process may use, and no more than NUMBA_NUM_THREADS says."""
    from numba.core.config import NUMBA_NUM_THREADS  # pyright: ignore[reportAttributeAccessIssue]

    affine = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if affine else os.cpu_count() or 1
    return min(cores, NUMBA_NUM_THREADS)


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


def check_fork(device: torch.device) -> None:
    """Raise RuntimeError with one line in a process that was forked after kernels had run.

    GNU OpenMP ends such a process at the next kernel.
    """
    if _lost_threads and device.type == "cpu":
        raise RuntimeError(
            "this process was forked from one that had solved, and OpenMP does not survive a fork: "
            'start workers by spawn, multiprocessing.get_context("spawn") or '
            'DataLoader(multiprocessing_context="spawn"), or set NUMBA_THREADING_LAYER=tbb'
        )


def _note_fork() -> None:
    """Whether the parent's OpenMP threads, which a fork does not copy, were running."""
    global _lost_threads
    try:
        numba = sys.modules.get("numba")
        layer = "" if numba is None else numba.threading_layer()
    except (AttributeError, ValueError):  # not loaded to the end, or no kernel has run
        layer = ""
    _lost_threads = layer == "omp" and sys.platform == "linux"


_lost_threads = False
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished, so that a clock can be read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
