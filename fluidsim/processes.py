"""Processes beside this one: they find its modules, none of the current folder, and end with it.

Python started with `-c` or `-m` looks in the current folder first, where anybody's files may lie.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import SpawnContext
from typing import Any

STOPS = (signal.SIGINT, signal.SIGTERM)
_TETHER = """
import os, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
"""


def python(code: str, *arguments: str) -> list[str]:
    """The command that runs some code with the modules of this process."""
    places = [os.path.abspath(place) for place in sys.path]
    return [sys.executable, "-c", f"import sys; sys.path[:] = {places!r}\n{code}", *arguments]


def tethered(code: str, *arguments: str) -> list[str]:
    """The same, of a process that ends when its standard input does: with who holds that pipe."""
    return python(f"{_TETHER}\n{code}", *arguments)


def spawning() -> SpawnContext:
    """The way to start processes of `multiprocessing`."""
    os.environ.setdefault("PYTHONSAFEPATH", "1")  # Python reads it from 3.11 on
    return multiprocessing.get_context("spawn")


@contextmanager
def workers(
    count: int, begin: Callable[..., None] | None = None, *given: Any
) -> Iterator[ProcessPoolExecutor]:
    """Processes that call `begin` with `given` first; what waits is dropped when the block ends.

    They leave it to this process to answer Ctrl-C and SIGTERM, and end with it however it ends.
    """
    pool = ProcessPoolExecutor(count, spawning(), _begin, (begin, *given))
    try:
        with _signals_waiting():
            for _ in range(count):
                pool.submit(os.getpid)  # which starts them
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _signals_waiting() -> Iterator[None]:
    """Signals reach this process when the block ends, and never one that is started in it."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(begin: Callable[..., None] | None, *given: Any) -> None:
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if begin is not None:
        begin(*given)


def _end_with_parent() -> None:
    """A worker waits for tasks in a pipe that it holds open itself, for ever after a kill."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
