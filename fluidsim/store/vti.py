"""Grids as VTK image data: .vti files, LZ4, that VTK writes and that are read back strictly.

A file may come from anybody. What differs from the files written here is refused, and sizes are
checked before memory is taken: VTK's own reader trusts what a file says of itself.
"""

from __future__ import annotations

import base64
import binascii
import math
import os
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fluidsim.files import replacing

_HEADER = {
    "type": "ImageData", "byte_order": "LittleEndian", "header_type": "UInt32",
    "compressor": "vtkLZ4DataCompressor",
}  # fmt: skip
_MOST_COMPONENTS = 8  # of all fields of a file together
_MOST_TEXT = 2**16  # bytes: more XML around the data is not ours
_BLOCK = 2**15  # bytes: VTK compresses in blocks of this size


@dataclass(frozen=True)
class GridFile:
    """nodes: of the grid, three counts. spacing: m. cells, points: (n,) or (n, components)."""

    nodes: tuple[int, int, int]
    spacing: float
    cells: dict[str, np.ndarray]
    points: dict[str, np.ndarray]


def write(
    path: Path,
    nodes: tuple[int, int, int],
    spacing: float,
    cells: Mapping[str, np.ndarray],
    points: Mapping[str, np.ndarray],
) -> None:
    """Write float32 fields (n,) or (n, components), the first axis of the grid fastest."""
    import pyvista  # here and below: VTK takes a second to load
    from vtkmodules.vtkIOXML import vtkXMLImageDataWriter

    grid = pyvista.ImageData(dimensions=nodes, spacing=(spacing,) * 3)
    grid.cell_data.update(dict(cells))
    grid.point_data.update(dict(points))
    write_xml(path, grid, vtkXMLImageDataWriter())


def write_xml(path: Path, data: Any, writer: Any) -> None:
    """Write data by a writer of VTK, which itself says nothing of a full disk."""
    writer.SetInputData(data)
    writer.SetDataModeToBinary()
    writer.SetCompressorTypeToLZ4()
    writer.WriteToOutputStringOn()
    if not writer.Write():
        raise OSError(f"{path} cannot be written by VTK")
    with replacing(path) as temporary:
        temporary.write_text(writer.GetOutputString(), encoding="ascii")


def check(path: Path) -> None:
    """Raise ValueError with one line if the end of a file is missing; the rest is not read."""
    end = b"</VTKFile>"
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, 2 * len(end)), os.SEEK_END)
        if not file.read().rstrip().endswith(end):
            raise ValueError(f"{path} is damaged: its end is missing")


def read(path: Path, most_nodes: int) -> GridFile:
    """Read a file back.

    Raises ValueError with one line when it is missing, no file of `write`, or has more nodes than
    `most_nodes`, and OSError.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing")
    if path.stat().st_size > 6 * _MOST_COMPONENTS * most_nodes + _MOST_TEXT:
        raise ValueError(f"{path} is too large for the grid of its run")
    text = path.read_bytes()
    try:
        if b"<!" in text:
            raise ValueError("a document type is declared")
        return _parsed(ET.fromstring(text), most_nodes)
    except (ET.ParseError, ValueError, KeyError, OverflowError) as error:
        raise ValueError(f"{path} is damaged, or no grid of this program: {error}") from error


def _parsed(root: ET.Element, most_nodes: int) -> GridFile:
    image, piece = root.find("ImageData"), root.find("ImageData/Piece")
    if any(root.get(key) != value for key, value in _HEADER.items()) or None in (image, piece):
        raise ValueError("its header is another one")
    assert image is not None and piece is not None
    extent = [int(word) for word in piece.attrib["Extent"].split()]
    spacing = [float(word) for word in image.attrib["Spacing"].split()]
    if len(extent) != 6 or any(extent[0::2]) or min(extent) < 0:
        raise ValueError(f"its extent is {extent[:6]}")
    if len(spacing) != 3 or len(set(spacing)) != 1 or not 0 < spacing[0] < math.inf:
        raise ValueError(f"its spacing is {spacing[:3]}")
    nodes = (extent[1] + 1, extent[3] + 1, extent[5] + 1)
    if math.prod(nodes) > most_nodes:
        raise ValueError(f"it has {math.prod(nodes)} nodes, {most_nodes} is the most")
    cells = math.prod(max(1, n - 1) for n in nodes)
    return GridFile(
        nodes,
        spacing[0],
        _arrays(piece, "CellData", cells),
        _arrays(piece, "PointData", math.prod(nodes)),
    )


def _arrays(piece: ET.Element, kind: str, count: int) -> dict[str, np.ndarray]:
    found = piece.findall(f"{kind}/DataArray")
    components = [int(each.get("NumberOfComponents", "1")) for each in found]
    if any(n < 1 for n in components) or sum(components) > _MOST_COMPONENTS:
        raise ValueError(f"its fields have {components[:_MOST_COMPONENTS]} components")
    arrays = {}
    for each, n in zip(found, components, strict=True):
        if each.get("type") != "Float32" or each.get("format") != "binary":
            raise ValueError("a field is no binary float32")
        values = _decoded((each.text or "").strip(), 4 * count * n).view("<f4")
        arrays[each.attrib["Name"]] = values.reshape(count, n) if n > 1 else values
    return arrays


def _decoded(text: str, size: int) -> np.ndarray:
    """The `size` bytes of a compressed field: counts and sizes of its blocks, then the blocks."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOCore import vtkLZ4DataCompressor

    blocks = -(-size // _BLOCK)
    begin = 4 * -(-4 * (3 + blocks) // 3)
    try:
        head = np.frombuffer(base64.b64decode(text[:begin], validate=True), "<u4")
        data = base64.b64decode(text[begin:], validate=True)
    except binascii.Error as error:
        raise ValueError("a field is not encoded in base 64") from error
    if len(head) != 3 + blocks or tuple(head[:3]) != (blocks, _BLOCK, size % _BLOCK):
        raise ValueError(f"a field has not the {size} bytes of its grid")
    ends = [0, *np.cumsum(head[3:], dtype=np.int64)]
    if ends[-1] != len(data):
        raise ValueError("a field is cut off")
    out = np.empty(size, np.uint8)
    compressor = vtkLZ4DataCompressor()
    # Without an observer VTK prints its errors.
    compressor.AddObserver("ErrorEvent", lambda *_: None)  # pyright: ignore[reportArgumentType]
    for number in range(blocks):
        packed = data[ends[number] : ends[number + 1]]
        part = out[number * _BLOCK : (number + 1) * _BLOCK]
        unpacked = compressor.Uncompress(packed, len(packed), len(part))
        if unpacked is None or unpacked.GetNumberOfValues() != len(part):
            raise ValueError("a field cannot be unpacked")
        part[:] = vtk_to_numpy(unpacked)
    return out
