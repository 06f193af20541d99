"""Writes OpenVDB files: sparse grids of floats or of vectors, each with its transform."""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fluidsim.export.vdb_tree import COMPRESSION, tree_bytes
from fluidsim.files import replacing

_MAGIC, _FORMAT, _LIBRARY = (
    0x56444220,
    224,
    (10, 0),
)  # the format, and the first library to write it

Value = str | bool | int | float | tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Grid:
    """A grid of a VDB file.

    Parameters
    ----------
    name : str
        Of the grid, as other programs look for it.
    values : float32, shape (n0, n1, n2) or (n0, n1, n2, 3)
        Scalars or vectors at the centres of the voxels.
    active : bool, shape (n0, n1, n2)
        Voxels that are stored; the others are the background.
    spacing : float
        Size of a voxel, m.
    first : tuple of 3 floats
        Centre of the voxel (0, 0, 0), m.
    background : float
        0, or the positive distance beyond the band of a level set, which is negative inside.
    """

    name: str
    values: np.ndarray
    active: np.ndarray
    spacing: float
    first: tuple[float, ...]
    background: float = 0.0


def write_vdb(
    path: Path, grids: Sequence[Grid], metadata: Mapping[str, Value], half: bool = False
) -> None:
    """Write grids with what is said of the whole file; half: with 16 bits a number.

    The same grids make the same file.
    """
    start = _metadata(metadata) + struct.pack("<i", len(grids))
    before = 8 + 12 + 1 + 36  # bytes up to here
    parts = [start]
    for grid in grids:
        parts.append(_grid(grid, before + sum(map(len, parts)), half))
    body = b"".join(parts)
    name = str(uuid.UUID(bytes=hashlib.sha256(body).digest()[:16]))
    header = struct.pack("<qIIIB", _MAGIC, _FORMAT, *_LIBRARY, True) + name.encode("ascii")
    with replacing(path) as temporary:
        temporary.write_bytes(header + body)


def _grid(grid: Grid, start: int, half: bool) -> bytes:
    """A grid, whose first byte is at `start` of the file, for it names places in the file."""
    vectors = grid.values.ndim == 4
    kind = f"Tree_{'vec3s' if vectors else 'float'}_5_4_3{'_HalfFloat' if half else ''}"
    name = _text(grid.name) + _text(kind) + _text("")
    about = struct.pack("<I", COMPRESSION) + _metadata(_about(grid, half)) + _transform(grid)
    nodes, leaves = tree_bytes(grid.values, grid.active, grid.background, half)
    first = start + len(name) + 24
    middle = first + len(about) + len(nodes)
    places = struct.pack("<3q", first, middle, middle + len(leaves))
    return name + places + about + nodes + leaves


def _about(grid: Grid, half: bool) -> dict[str, Value]:
    about: dict[str, Value] = {
        "name": grid.name,
        "class": "level set" if grid.background > 0 else "fog volume",
        "is_saved_as_half_float": half,
        "file_compression": "zip + active values",
        "file_voxel_count": int(np.count_nonzero(grid.active)),
    }
    if grid.values.ndim == 4:
        about |= {"class": "unknown", "vector_type": "contravariant relative"}
    if grid.active.any():
        used = [np.flatnonzero(grid.active.any(tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        about["file_bbox_min"] = tuple(int(places[0]) for places in used)
        about["file_bbox_max"] = tuple(int(places[-1]) for places in used)
    return about


def _transform(grid: Grid) -> bytes:
    """From indices to metres: a scale, what follows from it, and a translation."""
    scale = grid.spacing
    numbers = (scale, scale, 1 / scale, 1 / scale**2, 0.5 / scale)
    values = (*grid.first, *(number for number in numbers for _ in range(3)))
    return _text("UniformScaleTranslateMap") + struct.pack("<18d", *values)


def _metadata(values: Mapping[str, Value]) -> bytes:
    parts = [struct.pack("<I", len(values))]
    for name, value in values.items():
        kind, data = _typed(value)
        parts += [_text(name), _text(kind), struct.pack("<I", len(data)), data]
    return b"".join(parts)


def _typed(value: Value) -> tuple[str, bytes]:
    if isinstance(value, str):
        return "string", value.encode("utf-8")
    if isinstance(value, bool):
        return "bool", struct.pack("<?", value)
    if isinstance(value, int):
        return "int64", struct.pack("<q", value)
    if isinstance(value, float):
        return "double", struct.pack("<d", value)
    return "vec3i", struct.pack("<3i", *value)


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<I", len(data)) + data
