"""Triangle meshes of a frame: the surface of its liquid with velocities, and its solids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyvista
from scipy.ndimage import gaussian_filter, map_coordinates

from fluidsim.render.frame import Frame, LiquidFrame, SolidGrid
from fluidsim.render.surface import liquid_surface

_CLEAR = 1e-3  # least distance of a node from the surface, as a part of the spacing
_BLUR = 0.7  # cells: standard deviation of the filter of the velocities


@dataclass(frozen=True)
class TriangleMesh:
    """points: float32 (n, 3), m. triangles: int32 (m, 3), anticlockwise when seen from outside.

    velocities: float32 (n, 3), m/s; None for solids.
    """

    points: np.ndarray
    triangles: np.ndarray
    velocities: np.ndarray | None


def surface_mesh(frame: Frame) -> TriangleMesh:
    """The closed surface of the liquid of a 3D frame; it also runs along the walls of the domain.

    Raises ValueError for smoke and in 2D.
    """
    if not isinstance(frame, LiquidFrame) or len(frame.shape) != 3:
        raise ValueError("only runs of liquids in 3D have a surface")
    found = liquid_surface(frame.positions, frame.velocities, frame.shape, frame.dx, frame.solids)
    points, triangles = zero_level(closed(found.distance, found.spacing), found.spacing)
    return TriangleMesh(points, triangles, _velocities_at(points, frame))


def solid_mesh(solids: SolidGrid) -> TriangleMesh:
    """The closed surface of the solids of a 3D frame, cut at the walls of the domain."""
    values = closed(solids.distance, solids.spacing)
    return TriangleMesh(*zero_level(values, solids.spacing), None)


def closed(distance: np.ndarray, spacing: float) -> np.ndarray:
    """A distance on nodes whose zero level is closed and has no two points that coincide.

    Its outermost nodes are outside, and no node is on the surface.
    """
    clear = np.float32(_CLEAR * spacing)
    values = np.where(np.abs(distance) < clear, np.copysign(clear, distance), distance)
    for axis in range(3):
        rim = np.moveaxis(values, axis, 0)
        for side in (0, -1):
            np.maximum(rim[side], clear, out=rim[side])
    return values


def zero_level(values: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Points and triangles of the zero level, by flying edges (Schroeder et al. 2015)."""
    grid = pyvista.ImageData(dimensions=values.shape, spacing=(spacing,) * 3)
    grid.point_data["distance"] = values.ravel("F")
    surface = grid.contour(
        [0.0], "distance", method="flying_edges", compute_normals=False, compute_scalars=False
    )
    points = np.asarray(surface.points, np.float32)
    if len(points) == 0:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
    return points, surface.regular_faces[:, ::-1].astype(np.int32)  # VTK's face inwards


def _velocities_at(points: np.ndarray, frame: LiquidFrame) -> np.ndarray:
    """Velocities (n, 3) at points, m/s: means of the particles within about a cell."""
    shape = np.array(frame.shape)
    cell = np.clip((frame.positions / frame.dx).astype(np.int32), 0, shape - 1)
    key = np.ravel_multi_index(tuple(cell.T), frame.shape)
    at = (points / frame.dx - 0.5).T

    def smooth(weights: np.ndarray | None) -> np.ndarray:
        total = np.bincount(key, weights, minlength=int(shape.prod())).reshape(frame.shape)
        blurred = gaussian_filter(total.astype(np.float32), _BLUR, mode="nearest", truncate=3)
        return map_coordinates(blurred, at, order=1, mode="nearest")

    count = smooth(None)
    result = np.zeros((len(points), 3), np.float32)
    for axis in range(3):
        total = smooth(frame.velocities[:, axis])
        np.divide(total, count, out=result[:, axis], where=count > 1e-6)
    return result
