"""Polygons of mesh files, and the triangles that they are cut into."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MOST_CUT = 10_000  # corners: larger polygons, whose ears take minutes, become fans


@dataclass(frozen=True, eq=False)
class Polygons:
    """A surface as it is stored.

    vertices: (n, 3) float64. counts: (m,) int64, corners of each polygon. corners: the vertices of
    all polygons, one polygon after the other, int64.
    """

    vertices: np.ndarray
    counts: np.ndarray
    corners: np.ndarray

    def check(self) -> None:
        """Raises ValueError if there is no polygon, or one without vertices or a finite place."""
        if self.vertices.ndim != 2 or self.vertices.shape[1] != 3 or not (self.counts > 2).any():
            raise ValueError("the file has no triangles")
        if self.corners.min() < 0 or self.corners.max() >= len(self.vertices):
            raise ValueError("triangles refer to vertices that do not exist")
        if not np.isfinite(self.vertices[self.corners]).all():
            raise ValueError("some vertices are not finite")

    def cut(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (n, 3) and triangles (m, 3); polygons may be concave."""
        starts = np.cumsum(self.counts) - self.counts
        small = (self.counts > 3) & (self.counts <= MOST_CUT)
        clipped, failed = self._ears(np.flatnonzero(small), starts)
        fans = np.concatenate((np.flatnonzero(self.counts > MOST_CUT), failed))
        middles, fanned = self._fans(fans, starts)
        plain = self.corners[starts[self.counts == 3, None] + np.arange(3)]
        vertices = np.concatenate((self.vertices, middles))
        return vertices, np.concatenate((plain, clipped, fanned))

    def _ears(self, which: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Triangles (k, 3) of some polygons, and those that could not be cut."""
        if len(which) == 0:
            return np.zeros((0, 3), np.int64), which
        import pyvista  # here: most meshes are of triangles

        rows = [np.r_[self.counts[k], self._of(k, starts)] for k in which]
        mesh = pyvista.PolyData(self.vertices, faces=np.concatenate(rows))
        mesh.cell_data["polygon"] = which
        mesh = mesh.triangulate()
        done = np.asarray(mesh.cell_data["polygon"])
        return mesh.regular_faces.astype(np.int64), np.setdiff1d(which, done)

    def _fans(self, which: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The middles (k, 3) of some polygons, new vertices, and triangles about them."""
        middles, triangles = [np.zeros((0, 3))], [np.zeros((0, 3), np.int64)]
        for number, polygon in enumerate(which, start=len(self.vertices)):
            ring = self._of(polygon, starts)
            middles.append(self.vertices[ring].mean(0, keepdims=True))
            triangles.append(np.stack((ring, np.roll(ring, -1), np.full_like(ring, number)), 1))
        return np.concatenate(middles), np.concatenate(triangles)

    def _of(self, polygon: int, starts: np.ndarray) -> np.ndarray:
        return self.corners[starts[polygon] :][: self.counts[polygon]]


def upright(vertices: np.ndarray, up: str, turn: float) -> np.ndarray:
    """Vertices (n, 3) with the axis `up` of a file as z, then turned about it, rad."""
    if up == "y":
        vertices = vertices[:, [0, 2, 1]] * (1, -1, 1)
    cos, sin = math.cos(turn), math.sin(turn)
    return vertices @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
