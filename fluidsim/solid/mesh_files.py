"""Readers of mesh files (OBJ, OFF, PLY and STL), each from a path to polygons.

In a reader of one kind, a damaged file ends in an exception of any kind.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fluidsim.solid.ply import read_ply
from fluidsim.solid.polygons import Polygons

MOST_BYTES = 2**30  # larger files are refused


def read_obj(path: Path) -> Polygons:
    """Negative numbers of vertices count back from where the face stands."""
    vertices, counts, corners = array("d"), array("q"), array("q")
    text = path.read_bytes().replace(b"\\\r\n", b" ").replace(b"\\\n", b" ")
    for line in text.splitlines():
        kind, *words = line.split() or [b""]
        if kind == b"v":
            vertices.extend(_place(words))
        elif kind == b"f":
            known = len(vertices) // 3
            counts.append(len(words))
            for word in words:
                number = int(word.partition(b"/")[0])
                corners.append(number + known if number < 0 else number - 1)
    return _polygons(vertices, counts, corners)


def read_off(path: Path) -> Polygons:
    """What stands in a line after its numbers, such as colours, is skipped."""
    lines = [line.partition(b"#")[0].split() for line in path.read_bytes().splitlines()]
    (heading, *rest), *lines = [words for words in lines if words]
    if not heading.endswith(b"OFF"):
        raise ValueError("not a file of the kind OFF")
    if rest:
        lines.insert(0, rest)
    known, faces = int(lines[0][0]), int(lines[0][1])
    if min(known, faces) < 0 or len(lines) < 1 + known + faces:
        raise ValueError("the file is shorter than it says")
    vertices, counts, corners = array("d"), array("q"), array("q")
    for words in lines[1 : 1 + known]:
        vertices.extend(_place(words))
    for words in lines[1 + known : 1 + known + faces]:
        ring = [int(word) for word in words[1 : 1 + int(words[0])]]
        counts.append(len(ring))
        corners.extend(ring)
    return _polygons(vertices, counts, corners)


def read_stl(path: Path) -> Polygons:
    """Text and binary, by trimesh."""
    import trimesh  # here: most scenes have no mesh

    with path.open("rb") as file:
        found = trimesh.load_mesh(file, file_type="stl", process=False)
    triangles = np.asarray(found.faces, np.int64)
    vertices, counts = np.asarray(found.vertices, float), np.full(len(triangles), 3)
    return Polygons(vertices, counts, triangles.reshape(-1))


READERS: dict[str, Callable[[Path], Polygons]] = {
    ".obj": read_obj, ".stl": read_stl, ".ply": read_ply, ".off": read_off,
}  # fmt: skip


def polygons_of(path: Path) -> Polygons:
    """What a file holds. Raises ValueError with one line that names it, or OSError."""
    if path.suffix.lower() not in READERS:
        raise ValueError(f"{path}: a mesh must be one of {', '.join(READERS)}")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path}: larger than {MOST_BYTES >> 20} MiB")
    polygons = _loaded(path)
    try:
        polygons.check()
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return polygons


def _loaded(path: Path) -> Polygons:
    try:
        return READERS[path.suffix.lower()](path)
    except (MemoryError, OSError):
        raise
    except Exception as error:  # of any kind: readers do not name what they stumble over
        raise ValueError(f"{path}: cannot be read as a mesh") from error


def _place(words: list[bytes]) -> tuple[float, float, float]:
    x, y, z = words[:3]
    return float(x), float(y), float(z)


def _polygons(vertices: array, counts: array, corners: array) -> Polygons:
    places = np.array(vertices, float).reshape(-1, 3)
    return Polygons(places, np.array(counts, np.int64), np.array(corners, np.int64))
