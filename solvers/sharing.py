"""How many threads a parallel kernel should have while other programs use the machine, too.

Each region of a kernel ends when its slowest thread does. A thread whose core is taken by another
program makes the others wait for a time slice of the scheduler, milliseconds for a region of
microseconds. One thread for each core that is free loses less than it gives up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

WINDOW = 0.1  # s, of which the use of the cores is the mean; the kernel counts in 0.01 s


class Neighbours:
    """What other programs use of the cores that this process may use."""

    def __init__(self) -> None:
        self.cores = 0.0
        self._before = spent()

    def look(self) -> float:
        """Cores that others used in the last WINDOW or longer; 0 before that has passed."""
        clock, busy, own = spent()
        seconds = clock - self._before[0]
        if seconds >= WINDOW:
            self.cores = max(0.0, busy - self._before[1] - (own - self._before[2])) / seconds
            self._before = clock, busy, own
        return self.cores


def spent() -> tuple[float, float, float]:
    """The clock, s, the seconds in which usable cores were busy so far, and those of our own.

    A core that a hypervisor has taken away is busy. Processes that were started from here and have
    ended are our own.
    """
    import psutil

    busy, usable = 0.0, cores()
    for core, times in enumerate(psutil.cpu_times(percpu=True)):
        if core in usable:  # the time of guests stands a second time in that of users
            rest = ("idle", "iowait", "guest", "guest_nice")
            busy += sum(times) - sum(getattr(times, name, 0.0) for name in rest)
    own = os.times()
    return time.monotonic(), busy, sum(own[:4])


def cores() -> set[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


_neighbours: Neighbours | None = None


@contextmanager
def fair_threads() -> Iterator[None]:
    """Kernels inside have a thread for each free core, at most as many as outside."""
    global _neighbours
    import numba

    most = numba.get_num_threads()
    if most == 1:
        yield
        return
    _neighbours = _neighbours or Neighbours()
    free = len(cores()) - _neighbours.look()
    try:
        numba.set_num_threads(max(1, min(most, round(free))))
        yield
    finally:
        numba.set_num_threads(most)
