"""A check of the memory that a factorisation needs, before it is allocated."""

from __future__ import annotations

import psutil
import torch

_GIB = 2**30


def require(needed: int, device: torch.device) -> None:
    """Raise MemoryError if the device has fewer free bytes than needed."""
    if device.type == "cuda":
        available = torch.cuda.mem_get_info(device)[0]
    else:
        available = psutil.virtual_memory().available
    if needed > available:
        raise MemoryError(
            f"solver schur needs {needed / _GIB:.1f} GiB for this grid, "
            f"{available / _GIB:.1f} GiB are free; use solver multigrid instead"
        )
