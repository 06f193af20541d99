"""A place for compiled kernels where the user's own cannot be written.

Containers, services and laboratory machines often have no home or a read-only one. There Taichi
ends the process, and numba refuses to load a kernel that it cannot keep. Both look for
XDG_CACHE_HOME, which then names a temporary folder: for this process and those that it starts.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_OWN = "fluidsim-kernels-"  # the beginning of a temporary folder's name


def variables() -> dict[str, str]:
    """What the environment needs so that kernels can be kept, if only while the process lasts."""
    place = folder()
    if place is None or not _is_writable(place):
        place = Path(tempfile.mkdtemp(prefix=_OWN))
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        # Matplotlib warns where it cannot write either.
        settings = os.environ.get("MPLCONFIGDIR") or str(place / "matplotlib")
        return {"XDG_CACHE_HOME": str(place), "MPLCONFIGDIR": settings}
    return {} if "HOME" in os.environ else {"XDG_CACHE_HOME": str(place)}  # Taichi needs one


def folder() -> Path | None:
    """The user's folder of caches, whether it exists or not; None if nobody knows a home."""
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base)
    try:
        return Path.home() / ".cache"
    except RuntimeError:
        return None


def are_kept() -> bool:
    """Whether later processes find what this one compiles."""
    place = folder()
    return place is not None and not place.name.startswith(_OWN)


def _is_writable(place: Path) -> bool:
    """Whether the programs that keep kernels can make folders in a place."""
    try:
        for name in ("fluidsim", "numba", "taichi"):
            (place / name).mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=place / name).close()
    except OSError:
        return False
    return True
