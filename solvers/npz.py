"""Arrays from npz files of unknown origin.

numpy.load allocates as much memory as a file's headers ask for. Here the caller states the kind and
the size that each array may have, and a file with anything else is rejected before memory is
allocated for it. Nothing is unpickled or evaluated.
"""

from __future__ import annotations

import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([<|][a-zA-Z][0-9]{1,9})', 'fortran_order': (True|False), "
    rb"'shape': \((|[0-9]{1,18},|[0-9]{1,18}(?:, [0-9]{1,18}){1,7})\), \} *\n"
)
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, KeyError, IndexError, EOFError, RuntimeError,
    OverflowError, TypeError, ValueError, OSError,
)  # fmt: skip


class Archive:
    """The arrays of an open npz file; `names` lists those that it claims to hold."""

    def __init__(self, file: zipfile.ZipFile):
        self._file = file
        self.names = {name.removesuffix(".npy") for name in file.namelist()}

    def read(self, name: str, kinds: str, most: int) -> np.ndarray:
        """An array of at most `most` bytes whose kind (a letter of numpy.dtype.kind) is in `kinds`.

        Every error it raises is one that `opened` turns into a ValueError.
        """
        info = self._file.getinfo(f"{name}.npy")
        if info.compress_type not in _METHODS:
            raise ValueError(f"{name} is packed in an unknown way")
        with self._file.open(info) as member:
            start = member.read(len(_MAGIC) + 2)
            if start[:-2] != _MAGIC:
                raise ValueError(f"{name} is not an array of version 1")
            header = _HEADER.fullmatch(member.read(int.from_bytes(start[-2:], "little")))
            if header is None:
                raise ValueError(f"{name} has another header than numpy's")
            dtype = np.dtype(header[1].decode())
            shape = tuple(int(n) for n in header[3].replace(b" ", b"").split(b",") if n)
            size = math.prod(shape) * dtype.itemsize
            if dtype.kind not in kinds or size > most:
                raise ValueError(f"{name} is {dtype} {shape}, which is not what was expected")
            data = member.read(size + 1)
        if len(data) != size:
            raise ValueError(f"{name} does not have the size that its header states")
        order = "F" if header[2] == b"True" else "C"
        return np.frombuffer(data, dtype).reshape(shape, order=order).copy()


@contextmanager
def opened(path: Path, what: str) -> Iterator[Archive]:
    """The archive at `path`. what: what the file should be, for the message.

    Raises ValueError with one line for a file that is damaged in any way, OSError if it cannot be
    opened.
    """
    with path.open("rb") as stream:
        try:
            with zipfile.ZipFile(stream) as file:
                yield Archive(file)
        except _DAMAGE as error:
            said = " ".join(str(error).split())[:200]
            raise ValueError(f"{path} is not a whole {what}: {said}") from error
