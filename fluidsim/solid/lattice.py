"""Signed distances of triangle surfaces, sampled on a lattice around them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from fluidsim.solid.shapes import Vector

COARSE = 4  # times the spacing: where the search for the surface begins
UNSURE = 0.87  # of the spacing of a lattice of cubes: farther away the sign between nodes is sure


class Lattice(NamedTuple):
    """samples (nx, ny, nz): distances, m. lower: where they begin, m. spacing: m."""

    samples: Tensor
    lower: Vector
    spacing: float

    def at(self, points: Tensor) -> Tensor:
        """The distance (...) at points (..., 3), m; beyond the lattice that of its rim, and the way
        to it."""
        samples = self.samples
        at = (points - points.new_tensor(self.lower)) / self.spacing
        top = points.new_tensor([n - 1.0 for n in samples.shape])
        inside = torch.minimum(at.clamp(min=0), top)
        beyond = (at - inside).norm(dim=-1) * self.spacing
        # grid_sample wants (z, y, x) of a volume, from -1 to 1.
        unit = (2 * inside / top - 1).flip(-1).reshape(1, -1, 1, 1, 3)
        volume = samples.to(points).view(1, 1, *samples.shape)
        near = torch.nn.functional.grid_sample(volume, unit, align_corners=True)
        return near.reshape(points.shape[:-1]) + beyond


def signed_distance(points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Distances (n,), m, of points (n, 3) from a surface; negative where the winding number of it
    exceeds 1/2."""
    import igl  # here: most scenes have no mesh

    square = np.asarray(igl.point_mesh_squared_distance(points, vertices, triangles)[0])
    inside = np.asarray(igl.fast_winding_number(vertices, triangles, points)) > 0.5
    return np.where(inside, -1.0, 1.0) * np.sqrt(square)


def places(lower: np.ndarray, spacing: float, counts: np.ndarray) -> np.ndarray:
    """The nodes of a lattice, (nx * ny * nz, 3), m."""
    axes = [lower[k] + spacing * np.arange(counts[k]) for k in range(3)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def near_surface(
    vertices: np.ndarray, triangles: np.ndarray, lower: np.ndarray, spacing: float,
    counts: np.ndarray,
) -> Lattice:  # fmt: skip
    """The lattice of a surface of at least `counts` nodes a side, exact near the surface: elsewhere
    it is interpolated from coarser ones, with the right sign."""
    step = COARSE
    blocks = -(-(counts - 1) // step)
    points = places(lower, spacing * step, blocks + 1)
    found = signed_distance(points, vertices, triangles)
    values = torch.from_numpy(found.reshape(blocks + 1))
    while step > 1:
        size = [2 * n - 1 for n in values.shape]
        values = torch.nn.functional.interpolate(
            values[None, None], size=size, mode="trilinear", align_corners=True
        )[0, 0]
        near = values.abs() < UNSURE * step * spacing
        step //= 2
        points = lower + step * spacing * near.nonzero().numpy()
        if len(points):
            values[near] = torch.from_numpy(signed_distance(points, vertices, triangles))
    return Lattice(values.float(), tuple(float(x) for x in lower), spacing)
