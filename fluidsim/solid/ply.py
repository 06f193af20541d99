"""Reader of PLY files, text and binary, with polygons of any number of corners.

Turk 1994, "The PLY polygon file format". Text is read as the binary file of its numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from fluidsim.solid.polygons import Polygons

CORNERS = ("vertex_indices", "vertex_index")
ORDERS = {"ascii": "<", "binary_little_endian": "<", "binary_big_endian": ">"}
TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "int64": "i8", "uint64": "u8", "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip


class _Property(NamedTuple):
    """length: the type of the length of a list, None for a single number."""

    name: str
    type: np.dtype
    length: np.dtype | None


class _Element(NamedTuple):
    name: str
    count: int
    properties: list[_Property]


def read_ply(path: Path) -> Polygons:
    """Raises an exception of any kind if the file is damaged."""
    header, end, body = path.read_bytes().partition(b"end_header")
    if not (end and header.startswith(b"ply")):
        raise ValueError("not a PLY file")
    form, elements = _header(header.decode("ascii", "replace"))
    if form == "ascii":
        body = np.fromstring(body, sep=" ").tobytes()
    else:
        body = body.partition(b"\n")[2]
    vertices, at = np.zeros((0, 3)), 0
    for element in elements:
        if element.name == "face":
            return Polygons(vertices, *_faces(element, body, at))
        row = np.dtype([(each.name, each.type) for each in element.properties if not each.length])
        if len(row.names or ()) < len(element.properties):
            raise ValueError(f"lists in the element {element.name}")
        rows = _rows(row, element.count, body, at)
        at += rows.nbytes
        if element.name == "vertex":
            vertices = np.stack([rows[axis].astype(float) for axis in "xyz"], 1)
    raise ValueError("no faces")


def _header(text: str) -> tuple[str, list[_Element]]:
    form, elements = "", []
    for kind, *words in filter(None, map(str.split, text.splitlines())):
        if kind == "format":
            form = words[0]
        elif kind == "element":
            elements.append(_Element(words[0], int(words[1]), []))
        elif kind == "property":
            *types, name = words[1:] if words[0] == "list" else words
            *length, own = (
                np.dtype("<f8" if form == "ascii" else ORDERS[form] + TYPES[each]) for each in types
            )
            elements[-1].properties.append(_Property(name, own, length[0] if length else None))
    return form, elements


def _faces(element: _Element, data: bytes, at: int) -> tuple[np.ndarray, np.ndarray]:
    """The number of corners of each face, and the corners of all."""
    alike = _alike(element, data, at)
    if alike is not None:
        return alike
    counts, parts = [], []
    for _ in range(element.count):
        for each in element.properties:
            length = 1
            if each.length is not None:
                length = int(_rows(each.length, 1, data, at)[0])
                at += each.length.itemsize
            values = _rows(each.type, length, data, at)
            at += values.nbytes
            if each.name in CORNERS:
                counts.append(length)
                parts.append(values)
    return np.array(counts, np.int64), np.concatenate(parts).astype(np.int64)


def _alike(element: _Element, data: bytes, at: int) -> tuple[np.ndarray, np.ndarray] | None:
    """As `_faces`, at once, if all lists are as long as those of the first face; else None."""
    row: list[tuple[str, np.dtype, int]] = []
    lengths: dict[str, int] = {}
    for each in element.properties:
        if each.length is not None:
            place = at + _kind(row).itemsize
            lengths[each.name] = int(_rows(each.length, 1, data, place)[0])
            row.append((f"length of {each.name}", each.length, 1))
        row.append((each.name, each.type, lengths.get(each.name, 1)))
    kind = _kind(row)
    if at + element.count * kind.itemsize > len(data):
        return None
    rows = _rows(kind, element.count, data, at)
    if any((rows[f"length of {name}"] != length).any() for name, length in lengths.items()):
        return None
    name = next(name for name in CORNERS if name in lengths)
    counts = np.full(element.count, lengths[name])
    return counts, rows[name].reshape(-1).astype(np.int64)


def _kind(fields: list[tuple[str, np.dtype, int]]) -> np.dtype:
    """A row of fields: the name, the type and the length of each."""
    return np.dtype([(name, own, (length,)) for name, own, length in fields])


def _rows(row: np.dtype, count: int, data: bytes, at: int) -> np.ndarray:
    if count < 0 or at + count * row.itemsize > len(data):
        raise ValueError("the file is shorter than it says")
    return np.frombuffer(data, row, count, at)
