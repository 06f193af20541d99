"""How a command ends: done, failed with one line, or stopped by Ctrl-C and SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import solvers
from fluidsim.errors import SimulationError, said

DONE, FAILED, INTERRUPTED = 0, 1, 130

# Set by a signal to stop: what a handler raises is lost where it meets a finalizer, so that the
# loop over the frames looks here as well.
_stop = threading.Event()
_gentle = threading.Event()
_STOPPING = b"\nstopping after this frame; once more stops at once\n"


def guarded(action: Callable[[], object], debug: bool) -> int:
    """Run an action and return its exit status; errors become one line unless `debug`."""
    _stop.clear()
    previous = {each: signal.signal(each, _interrupt) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        action()
        return DONE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if debug:
            raise
        known = isinstance(error, (SimulationError, solvers.SolveError, ValueError, OSError))
        what = said(error) if known else f"{type(error).__name__}: {said(error)}"
        hint = "" if known else " (--debug shows where)"
        print(f"error: {what}{hint}", file=sys.stderr)
        return FAILED
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


def asked_to_stop() -> bool:
    return _stop.is_set()


@contextmanager
def gently() -> Iterator[None]:
    """Within the block, the first signal only makes `asked_to_stop` true; the second interrupts."""
    _gentle.set()
    try:
        yield
    finally:
        _gentle.clear()


@contextmanager
def stopped_after(seconds: float) -> Iterator[Callable[[], bool]]:
    """A run within the block is asked to stop after so many seconds.

    Gives a function that says whether it was.
    """
    over = threading.Event()

    def stop() -> None:
        over.set()
        _stop.set()

    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), stop)
    timer.daemon = True
    timer.start()
    try:
        yield over.is_set
    finally:
        timer.cancel()


def _interrupt(number: int, stack: object) -> None:
    first = not _stop.is_set()
    _stop.set()
    if not (first and _gentle.is_set()):
        raise KeyboardInterrupt
    if sys.__stdout__ is not None:
        with suppress(OSError):  # nobody reads
            os.write(sys.__stdout__.fileno(), _STOPPING)
