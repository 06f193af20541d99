"""Standard output that may end early: `fluidsim run ... | head` runs on, without a reader."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator


class _Pipe(io.FileIO):
    """A file whose writes are lost once nobody reads them."""

    def write(self, data) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return len(data)


@contextlib.contextmanager
def forgiving() -> Iterator[None]:
    """Within the block, standard output is for whoever reads it, in what letters it has.

    Only where it goes to a file of the system, not where a program has redirected it.
    """
    usual = sys.stdout
    if usual is None or usual is not sys.__stdout__:
        yield
        return
    os.environ.setdefault("TI_ENABLE_PYBUF", "0")  # Taichi would take it for a notebook's
    usual.flush()
    stream = io.TextIOWrapper(
        io.BufferedWriter(_Pipe(usual.fileno(), "w", closefd=False)),
        encoding=usual.encoding,
        errors="backslashreplace",
        line_buffering=usual.isatty(),
    )
    with contextlib.redirect_stdout(stream):
        try:
            yield
        finally:
            stream.flush()
