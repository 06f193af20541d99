"""Shapes from triangle meshes: OBJ, STL, PLY and OFF files as signed distances."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from fluidsim.solid.lattice import Lattice, places, signed_distance
from fluidsim.solid.mesh_files import polygons_of
from fluidsim.solid.mesh_repair import closed, merged, single_sided, turned
from fluidsim.solid.polygons import upright
from fluidsim.solid.shapes import Shape, Vector

SAMPLES = 96  # cells along the longest side of the grid that holds the distance
MARGIN = 3  # cells of it around the mesh


@dataclass(frozen=True)
class Mesh(Shape):
    """The inside of a closed triangle surface, scaled and placed to stand in a scene.

    In 2D it is the slice through the middle of its depth. Points where the generalised winding
    number exceeds 1/2 are inside, which tolerates gaps and overlaps: Barill, Dickson, Schmidt,
    Levin & Jacobson 2018, "Fast winding numbers for soups and clouds". Before, doubled sides become
    one, triangles turn the way of their neighbours, and holes of up to an eighth of the surface are
    closed. Distances are interpolated from samples on a grid of 96 cells along the longest side, of
    the file as it is when the object is made.

    Parameters
    ----------
    path : str or PathLike
        An OBJ, STL, PLY or OFF file.
    base : tuple of dim floats
        Where the centre of the bottom of its bounding box stands, m.
    height : float
        Height of the bounding box, m.
    turn : float
        Turn about the up axis, rad; counter-clockwise from above.
    up : str
        The axis that points up in the file, "z" or "y".

    Raises
    ------
    ValueError
        If the height is not positive, `up` is another axis, or the file does not hold a closed
        surface that can be read.
    OSError
        If the file cannot be opened.
    """

    path: str | os.PathLike[str]
    base: Vector
    height: float
    turn: float = 0.0
    up: str = "z"
    _samples: ClassVar[Lattice]  # of this object, around the base

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.height > 0:
            raise ValueError(f"the height of a mesh must be positive, not {self.height}")
        if self.up not in ("y", "z"):
            raise ValueError(f"up must be y or z, not {self.up}")
        path = Path(self.path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no mesh file {path}")
        file = path.stat()
        stamp = file.st_mtime_ns, file.st_size, file.st_ino
        found = _sampled(path, stamp, self.up, self.turn, self.height)
        object.__setattr__(self, "_samples", found)

    def distance(self, points: Tensor) -> Tensor:
        base = self.base if len(self.base) == 3 else (self.base[0], 0.0, self.base[1])
        if points.shape[-1] == 2:
            middle = torch.zeros_like(points[..., :1])
            points = torch.cat((points[..., :1], middle, points[..., 1:]), dim=-1)
        return self._samples.at(points - points.new_tensor(base))


@functools.lru_cache(maxsize=16)
def _sampled(path: Path, stamp: tuple[int, ...], up: str, turn: float, height: float) -> Lattice:
    """Signed distances around the base; stamp: changes with the file."""
    vertices, triangles = read(path)
    vertices = upright(vertices, up, turn)
    low, high = vertices.min(0), vertices.max(0)
    middle = (low + high) / 2
    scale = height / (high[2] - low[2])
    vertices = (vertices - (middle[0], middle[1], low[2])) * scale
    size = (high - low) * scale
    spacing = float(size.max()) / SAMPLES
    counts = np.ceil(size / spacing).astype(int) + 2 * MARGIN + 1
    lower = vertices.min(0) - MARGIN * spacing
    found = signed_distance(places(lower, spacing, counts), vertices, triangles)
    samples = torch.from_numpy(found.astype(np.float32).reshape(counts))
    if not (samples < 0).any():
        raise ValueError(f"{path}: the surface encloses nothing")
    return Lattice(samples, tuple(float(x) for x in lower), spacing)


def read(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """The triangles of a file, repaired: see `Mesh`.

    Parameters
    ----------
    path : str or PathLike
        An OBJ, STL, PLY or OFF file.

    Returns
    -------
    tuple of ndarray
        Vertices (n, 3) float64 and triangles (m, 3) int64.

    Raises
    ------
    ValueError
        If the file cannot be read as a mesh, or its surface is not closed; the message is one line.
    OSError
        If the file cannot be opened.
    """
    path = Path(path)
    polygons = polygons_of(path)
    try:
        vertices, triangles = merged(*polygons.cut())
        if not (len(triangles) and (vertices.max(0) > vertices.min(0)).all()):
            raise ValueError("the surface is flat and encloses nothing")
        triangles = turned(vertices, single_sided(vertices, triangles))
        return closed(vertices, triangles)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
