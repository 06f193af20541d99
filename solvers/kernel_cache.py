"""Compiled kernels of numba, kept for each user and not for each copy of the sources.

Numba keeps what it compiles beside the sources, and takes it for current as long as the kernel's
own file has not changed: a second checkout compiles everything anew, and a change of a function in
another file goes unseen. Here the kernels of one module lie in a folder of the user's caches. Its
name holds a digest of the sources of that module and of all that it imports from these packages.

Modules with kernels import this one, which is all that it takes.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import config
from numba.core.caching import CacheImpl, _CacheLocator

from solvers import caches

PACKAGES = ("fluidsim", "solvers")
UNUSED = 7 * 86400  # seconds: kernels of older sources are then removed
_IMPORTS = re.compile(r"^(?:from ([\w.]+) )?import (\([^)]*\)|.*)", re.MULTILINE)


class UserLocator(_CacheLocator):
    """Tells numba where the compiled kernels of these packages are.

    Parameters
    ----------
    place : Path
        The folder of a module's kernels.
    line : int
        Where the kernel begins in its file.
    """

    def __init__(self, place: Path, line: int) -> None:
        self._place, self._line = place, line
        self._py_file = place.name  # for messages

    def get_cache_path(self) -> str:
        return str(self._place)

    def get_source_stamp(self) -> str:
        return self._place.name

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> UserLocator | None:
        """None for functions of other packages, and where nothing can be written."""
        name, home = py_func.__module__, caches.folder()
        given = config.CACHE_DIR  # pyright: ignore[reportAttributeAccessIssue]
        if name.partition(".")[0] not in PACKAGES or not (given or home):
            return None
        base = Path(given) if given else Path(str(home), "fluidsim", "numba")
        try:
            place = folder_of(name, Path(py_file), base)
        except OSError:
            return None
        return cls(place, py_func.__code__.co_firstlineno)


@functools.cache
def folder_of(name: str, file: Path, base: Path) -> Path:
    """The folder below `base` of the kernels of a module; a new one replaces what is out of use."""
    place = base / f"{name}-{digest_of(name, file)}"
    if not place.exists():
        for old in base.glob(f"{name}-*"):
            if time.time() - old.stat().st_mtime > UNUSED:
                shutil.rmtree(old, ignore_errors=True)
        place.mkdir(parents=True, exist_ok=True)
    os.utime(place)
    return place


def digest_of(name: str, file: Path) -> str:
    """A digest of the sources of a module and of those that it imports, directly or not."""
    root = file.parents[name.count(".")]
    digest = hashlib.blake2b(f"{numba.__version__} {np.__version__}".encode(), digest_size=10)
    found, waiting = {name}, [name]
    while waiting:
        for other in _imported(_source(root, waiting.pop()), root) - found:
            found.add(other)
            waiting.append(other)
    for each in sorted(found):
        digest.update(f"{each}\n{_source(root, each)}".encode())
    return digest.hexdigest()


def _imported(source: str, root: Path) -> set[str]:
    """The modules of these packages that a source imports when it is loaded."""
    result = set()
    for package, names in _IMPORTS.findall(source):
        for name in re.findall(r"([\w.]+)(?: as \w+)?", re.sub("#.*", "", names)):
            whole = f"{package}.{name}" if package else name
            if whole.partition(".")[0] in PACKAGES:
                result.add(whole if _file(root, whole).exists() else package or whole)
    return {each for each in result if _file(root, each).exists()}


@functools.cache
def _source(root: Path, name: str) -> str:
    return _file(root, name).read_text(encoding="utf-8")


def _file(root: Path, name: str) -> Path:
    path = root.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


CacheImpl._locator_classes.insert(0, UserLocator)  # pyright: ignore[reportArgumentType]
