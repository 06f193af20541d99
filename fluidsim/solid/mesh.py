"""Shapes from triangle meshes: OBJ, STL, PLY and OFF files as signed distances."""

from __future__ import annotations

import functools
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from fluidsim.solid.shapes import Shape, Vector

SUFFIXES = (".obj", ".stl", ".ply", ".off")
SAMPLES = 96  # cells along the longest side of the grid that holds the distance
MARGIN = 3  # cells of it around the mesh
MOST_BYTES = 2**30  # larger files are refused
MOST_OPEN = 0.5  # diagonals of the mesh: a surface with a longer rim is open, not torn


@dataclass(frozen=True)
class Mesh(Shape):
    """The inside of a closed triangle surface, scaled and placed to stand in a scene.

    In 2D it is the slice through the middle of its depth. Points where the generalised winding
    number exceeds 1/2 are inside, which tolerates gaps, overlaps and flipped triangles: Barill,
    Dickson, Schmidt, Levin & Jacobson 2018, "Fast winding numbers for soups and clouds". Distances
    are interpolated from samples on a grid of 96 cells along the longest side.

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

    def __post_init__(self) -> None:
        if not self.height > 0:
            raise ValueError(f"the height of a mesh must be positive, not {self.height}")
        if self.up not in ("y", "z"):
            raise ValueError(f"up must be y or z, not {self.up}")
        _sampled(self)

    def distance(self, points: Tensor) -> Tensor:
        samples, lower, spacing = _sampled(self)
        base = self.base if len(self.base) == 3 else (self.base[0], 0.0, self.base[1])
        if points.shape[-1] == 2:
            middle = torch.zeros_like(points[..., :1])
            points = torch.cat((points[..., :1], middle, points[..., 1:]), dim=-1)
        local = points - points.new_tensor(base)
        at = (local - points.new_tensor(lower)) / spacing
        top = points.new_tensor([n - 1.0 for n in samples.shape])
        inside = torch.minimum(at.clamp(min=0), top)
        beyond = (at - inside).norm(dim=-1) * spacing
        # grid_sample wants (z, y, x) of a volume, from -1 to 1.
        unit = (2 * inside / top - 1).flip(-1).reshape(1, -1, 1, 1, 3)
        volume = samples.to(points).view(1, 1, *samples.shape)
        near = torch.nn.functional.grid_sample(volume, unit, align_corners=True)
        return near.reshape(points.shape[:-1]) + beyond


@functools.lru_cache(maxsize=16)
def _sampled(mesh: Mesh) -> tuple[Tensor, Vector, float]:
    """Signed distances (nx, ny, nz), m, around the base; where they begin, and their spacing."""
    import igl  # here and below: most scenes have no mesh

    vertices, triangles = read(mesh.path)
    if mesh.up == "y":
        vertices = vertices[:, [0, 2, 1]] * (1, -1, 1)
    cos, sin = math.cos(mesh.turn), math.sin(mesh.turn)
    vertices = vertices @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    low, high = vertices.min(0), vertices.max(0)
    middle = (low + high) / 2
    scale = mesh.height / (high[2] - low[2])
    vertices = (vertices - (middle[0], middle[1], low[2])) * scale
    size = (high - low) * scale
    spacing = float(size.max()) / SAMPLES
    counts = np.ceil(size / spacing).astype(int) + 2 * MARGIN + 1
    lower = vertices.min(0) - MARGIN * spacing
    axes = [lower[k] + spacing * np.arange(counts[k]) for k in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    kind = igl.SIGNED_DISTANCE_TYPE_FAST_WINDING_NUMBER
    found = np.asarray(igl.signed_distance(points, vertices, triangles, sign_type=kind)[0])
    samples = torch.from_numpy(found.astype(np.float32).reshape(counts))
    if not (samples < 0).any():
        raise ValueError(f"{mesh.path}: the surface encloses nothing")
    return samples, tuple(float(x) for x in lower), spacing


def read(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """The triangles of a file.

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
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: a mesh must be one of {', '.join(SUFFIXES)}")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path}: larger than {MOST_BYTES >> 20} MiB")
    vertices, triangles = _loaded(path)
    if len(triangles) == 0 or vertices.ndim != 2 or vertices.shape[1] != 3:
        raise ValueError(f"{path}: the file has no triangles")
    if triangles.min() < 0 or triangles.max() >= len(vertices):
        raise ValueError(f"{path}: triangles refer to vertices that do not exist")
    if not np.isfinite(vertices).all():
        raise ValueError(f"{path}: some vertices are not finite")
    used = vertices[np.unique(triangles)]
    if not (used.max(0) > used.min(0)).all():
        raise ValueError(f"{path}: the surface is flat and encloses nothing")
    # STL files repeat the vertices of each triangle.
    merged, inverse = np.unique(vertices, axis=0, return_inverse=True)
    triangles = inverse.reshape(-1)[triangles]
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, counts = np.unique(edges, axis=0, return_counts=True)
    if _longest_rim(merged, edges[counts == 1]) > MOST_OPEN * np.linalg.norm(
        np.ptp(merged, axis=0)
    ):
        open_edges = f"{int((counts == 1).sum())} of {len(counts)} edges"
        raise ValueError(f"{path}: the surface is open ({open_edges} have one triangle); close it")
    return merged, triangles.astype(np.int64)


def _loaded(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """As trimesh reads them; libigl's PLY reader crashes on damaged files."""
    import trimesh

    with path.open("rb") as file:
        try:
            found = trimesh.load_mesh(
                file, file_type=path.suffix[1:].lower(), process=False, skip_materials=True
            )
            return np.asarray(found.vertices, float), np.asarray(found.faces, np.int64)
        except MemoryError:
            raise
        except Exception as error:  # of any kind: trimesh does not check what it reads
            raise ValueError(f"{path}: cannot be read as a mesh") from error


def _longest_rim(vertices: np.ndarray, edges: np.ndarray) -> float:
    """Length of the longest connected chain of edges (n, 2)."""
    if len(edges) == 0:
        return 0.0
    lengths = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    ones = np.ones(len(edges))
    graph = sp.coo_matrix((ones, (edges[:, 0], edges[:, 1])), shape=(len(vertices),) * 2)
    _, chain = connected_components(graph, directed=False)
    return float(np.bincount(chain[edges[:, 0]], weights=lengths).max())
