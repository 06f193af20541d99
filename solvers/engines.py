"""The option `engine`, which several solvers have: numba kernels on the CPU, or torch anywhere."""

from __future__ import annotations

from collections.abc import Sequence

import torch

ENGINES = ("auto", "numba", "torch")


def check_engine(engine: str, known: Sequence[str] = ENGINES) -> None:
    """Raise ValueError for a name that is not known."""
    if engine not in known:
        raise ValueError(f"engine must be one of {', '.join(known)}, not {engine}")


def uses_kernels(engine: str, device: torch.device) -> bool:
    """Whether a solver with this option runs its numba kernels for tensors on the device.

    Raises ValueError if numba kernels are asked for on a device other than the CPU.
    """
    on_cpu = device.type == "cpu"
    if engine == "numba" and not on_cpu:
        raise ValueError(f"engine numba needs tensors on the CPU, not on {device}")
    return on_cpu and engine != "torch"
