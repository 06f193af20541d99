"""Memory that a factorisation will need, checked before it is taken."""

from __future__ import annotations

import psutil
import torch

_GIB = 2**30


def require(needed: int, device: torch.device) -> None:
    """Raise MemoryError when so many bytes are not to be had on the device."""
    if device.type == "cuda":
        available = torch.cuda.mem_get_info(device)[0]
    else:
        available = psutil.virtual_memory().available
    if needed > available:
        raise MemoryError(
            f"solver schur needs {needed / _GIB:.1f} GiB for this grid, "
            f"{available / _GIB:.1f} GiB are free; use solver multigrid instead"
        )
