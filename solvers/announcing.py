"""Says once that kernels are being compiled; the first solve would seem to hang otherwise."""

from __future__ import annotations

import logging
from typing import Any

_LINE = "compiling kernels, once on this machine: a minute or less"

_told = False


def announce_compiling() -> None:
    """Let the logger `solvers` warn, once a process, when a kernel of this package is compiled.

    A warning goes to standard error unless a program has set up logging in another way.
    """
    global _told
    if _told:
        return
    _told = True
    from numba.core import event

    class Announcement(event.Listener):
        made = False

        def on_start(self, event: Any) -> None:
            module = event.data["dispatcher"].py_func.__module__
            if not self.made and module.startswith("solvers."):
                self.made = True
                logging.getLogger("solvers").warning(_LINE)

        def on_end(self, event: Any) -> None:
            pass

    event.register("numba:compile", Announcement())


def say_nothing() -> None:
    """For programs that tell people themselves."""
    global _told
    _told = True
