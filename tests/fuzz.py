"""Hostile variants of valid files, and a process with bounded memory that reads them."""

from __future__ import annotations

import importlib
import io
import multiprocessing
import re
import resource
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from fluidsim.errors import SimulationError

MEMORY = 2**29  # bytes that a reader may take
SECONDS = 60.0  # after which a reader hangs; the machine may be busy
REFUSALS = (ValueError, OSError, SimulationError)
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?")
_HOSTILE = [
    b"0", b"-1", b"1", b"3", b"255", b"65536", b"2147483647", b"4294967295", b"9223372036854775807",
    b"18446744073709551616", b"9" * 400, b"1e308", b"1e999", b"nan", b"-inf", b"0.5", b"", b"null",
    b"[]", b'"x"', b"[" * 3000,
]  # fmt: skip
_JUNK = [b"\x00", b"\xff" * 8, b"\n", b" ", b"{", b"(" * 300, b"<!DOCTYPE x>", b"\x80\x04.", b"-"]


@dataclass(frozen=True)
class Case:
    """make: writes a valid file into an empty folder, with what belongs to it, and returns its
    path. read: what is to be tested, on such a path.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], object]


Step = tuple[str, float, int]  # kind of change, where (0 ... 1), which
_KINDS = ("byte", "cut", "drop", "repeat", "swap", "number", "number", "number", "junk", "member")
steps = st.lists(
    st.tuples(st.sampled_from(_KINDS), st.floats(0, 1), st.integers(0, 255)),
    min_size=1,
    max_size=4,
)


def changed(data: bytes, steps: Sequence[Step]) -> bytes:
    """The bytes of a file after some steps of damage."""
    for kind, where, which in steps:
        at = int(where * len(data))
        if kind == "byte":
            data = data[:at] + bytes([which]) + data[at + 1 :]
        elif kind == "cut":
            data = data[:at]
        elif kind == "drop":
            data = data[:at] + data[at + 1 + which :]
        elif kind == "repeat":
            data = data[: at + which] + data[at:]
        elif kind == "swap":
            data = data[at:] + data[:at] if which < 32 else data[:at] + data[at:][::-1]
        elif kind == "number":
            data = _other_number(data, where, _HOSTILE[which % len(_HOSTILE)])
        elif kind == "junk":
            data = data[:at] + _JUNK[which % len(_JUNK)] + data[at:]
        elif kind == "member":
            data = _other_member(data, where, which)
    return data


def _other_number(data: bytes, where: float, value: bytes) -> bytes:
    """One of the first numbers written in digits replaced: there the headers are."""
    found = [match.span() for match, _ in zip(_NUMBER.finditer(data), range(60), strict=False)]
    if not found:
        return data
    begin, end = found[min(int(where * len(found)), len(found) - 1)]
    return data[:begin] + value + data[end:]


def _other_member(data: bytes, where: float, which: int) -> bytes:
    """An archive with one of its files damaged, its checksums right."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            members = {name: file.read(name) for name in file.namelist()}
    except Exception:  # no archive, or none any more
        return data
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for index, (name, content) in enumerate(members.items()):
            if index == which % len(members):
                kinds = ("number", "number", "byte", "cut", "repeat")
                content = changed(content, [(kinds[which % 5], where, which)])
            file.writestr(name, content)
    return out.getvalue()


class Reader:
    """A process with bounded memory that reads files as CASES and PROBES of a module say."""

    def __init__(self, module: str):
        self._module = module
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(self._module, MEMORY, theirs), daemon=True
        )
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def read(self, name: str, path: Path) -> str:
        """ "" when the file was read or refused in one line, else what went wrong."""
        self._pipe.send((name, str(path)))
        try:
            if self._pipe.poll(SECONDS):
                return self._pipe.recv()
            said = f"no answer after {SECONDS:.0f} s"
        except EOFError:
            said = "crash"
        self.stop()
        status = self._process.exitcode
        self._start()
        return f"{said} (exit status {status})"

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(module: str, memory: int, pipe) -> None:
    loaded = importlib.import_module(module)
    cases = {case.name: case for case in (*loaded.CASES, *loaded.PROBES)}
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    pipe.send("ready")
    while True:
        name, path = pipe.recv()
        said = ""
        try:
            cases[name].read(Path(path))
        except REFUSALS as error:
            if len(str(error).splitlines()) != 1:
                said = f"not one line: {error!r}"
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        pipe.send(said)
