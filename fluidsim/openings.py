"""How much of each face is open: fractions of faces outside of solids, from distances at nodes.

Batty, Bertails & Bridson 2007, "A fast variational framework for accurate solid-fluid coupling":
fluxes and pressure gradients weighted by the open part of a face see walls where they are, at any
angle, instead of stairs of cells.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from fluidsim.grid import Grid

# A surface within this many cells of a node counts as beyond it: faces in the plane of a wall are
# closed. Fractions beyond these are 0 and 1: smaller gaps let nothing pass.
_SHIFT = 1e-4
_LEAST, _MOST = 0.01, 0.999


def open_fractions(distance: Tensor, grid: Grid) -> Tensor:
    """Open part of each face, (dim, *nodes) float32; 1 at stored points beyond the grid.

    distance: (*nodes), m, negative inside of solids; linear on each edge (2D) or on the triangles
    between the edges of a face and its middle (3D).
    """
    fractions = torch.ones((grid.dim, *grid.nodes), device=distance.device)
    shifted = distance - _SHIFT * grid.dx
    for axis in range(grid.dim):
        corners = _corners(shifted, axis)
        lowest, highest = torch.aminmax(torch.stack(corners), dim=0)
        part = (lowest > 0).to(torch.float32)
        crossed = (lowest <= 0) & (highest > 0)
        values = [corner[crossed] for corner in corners]
        part[crossed] = _edge(*values) if grid.dim == 2 else _square(*values)
        part = torch.where(part < _LEAST, 0.0, torch.where(part > _MOST, 1.0, part))
        grid.faces(fractions, axis).copy_(part)
    return fractions


def room(distance: Tensor, cut: Tensor, grid: Grid) -> Tensor:
    """Part of each cell outside of solids, (*shape) float32: 1 but where `cut` (*shape) is true.

    distance: (*nodes), m; at the middles of the 2^dim parts of a cell a wall counts as flat.
    """
    result = torch.ones(grid.shape, device=distance.device)
    corners = list(itertools.product((0, 1), repeat=grid.dim))
    values = torch.stack(
        [distance[tuple(slice(c, c + n) for c, n in zip(k, grid.shape, strict=True))][cut]
         for k in corners]
    )  # fmt: skip
    parts = []
    for middle in corners:
        weights = [math.prod(0.75 if c == m else 0.25 for c, m in zip(k, middle)) for k in corners]  # noqa: B905
        at = (values * values.new_tensor(weights)[:, None]).sum(0)
        parts.append((0.5 + at / (0.5 * grid.dx)).clamp(0, 1))
    result[cut] = torch.stack(parts).mean(0)
    return result


def _corners(values: Tensor, axis: int) -> list[Tensor]:
    """Values at the corners of the faces normal to an axis, in the order around the face."""
    across = [k for k in range(values.ndim) if k != axis]
    around = [(0,), (1,)] if len(across) == 1 else [(0, 0), (0, 1), (1, 1), (1, 0)]
    corners = []
    for offsets in around:
        view = values
        for k, offset in zip(across, offsets, strict=True):
            view = view.narrow(k, offset, values.shape[k] - 1)
        corners.append(view)
    return corners


def _edge(a: Tensor, b: Tensor) -> Tensor:
    """Part of an edge where the linear function between its ends is positive; signs differ."""
    high, low = torch.maximum(a, b), torch.minimum(a, b)
    return high / (high - low)


def _square(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Part of a square where it is positive, as the mean of four triangles around its middle."""
    middle = (a + b + c + d) / 4
    ring = (a, b, c, d, a)
    parts = [_triangle(middle, p, q) for p, q in itertools.pairwise(ring)]
    return torch.stack(parts).mean(0)


def _triangle(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Part of a triangle where the linear function with these corner values is positive."""
    low, middle, high = torch.stack((a, b, c)).sort(0).values
    below = low**2 / ((middle - low) * (high - low)).clamp(min=1e-30)
    above = high**2 / ((high - low) * (high - middle)).clamp(min=1e-30)
    part = torch.where(middle > 0, 1 - below, above)
    return torch.where(low > 0, 1.0, torch.where(high > 0, part, 0.0))
