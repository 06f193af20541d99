"""A run's folder belongs to one process at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fluidsim.errors import SimulationError


@contextmanager
def claimed(
    folder: Path, what: str = "run", advice: str = "wait for its end, or choose another --out"
) -> Iterator[None]:
    """Lock a folder, which is made if needed, against other processes that would write a run.

    what: is written there, and advice: for the message.
    The lock is the kernel's, on the folder itself, and goes with the process however that ends.
    Windows and some network drives have none: there nothing is held.
    Raises SimulationError when another process holds the folder, and OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    place = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(place)
        raise SimulationError(
            f"{folder} is being written by a {what} that has not ended; {advice}"
        ) from None
    except OSError:  # no locks on this file system
        pass
    try:
        yield
    finally:
        os.close(place)
