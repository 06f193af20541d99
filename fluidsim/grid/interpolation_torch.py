"""Points and face fields as torch expressions: the definition of the functions in interpolation.py.

Points are (n, dim) in grid coordinates; face fields (dim, *nodes) are stored on the nodes.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.grid.interpolation import KEPT_FROM_WALL


class Stencil(NamedTuple):
    """The 2^dim stored values around n points.

    lower (n, dim): the lowest one's flat coordinates, in steps of one. part (n, dim): how far the
    point is from it towards the next on each axis, 0..1. places (n, 2^dim) int64: flat indices in a
    field (*nodes), the last axis varying fastest.
    """

    lower: Tensor
    part: Tensor
    places: Tensor

    @property
    def weights(self) -> Tensor:
        """Those of multilinear interpolation, (n, 2^dim)."""
        return _product([torch.stack((1 - p, p), 1) for p in self.part.unbind(1)])

    def slopes(self, axis: int) -> Tensor:
        """Weights of the derivative along an axis, (n, 2^dim)."""
        pairs = [torch.stack((1 - p, p), 1) for p in self.part.unbind(1)]
        pairs[axis] = torch.ones_like(pairs[axis]) * pairs[axis].new_tensor((-1.0, 1.0))
        return _product(pairs)


def faces_around(x: Tensor, axis: int, grid: Grid) -> Stencil:
    """The faces normal to an axis around points. Beyond the outermost centres a face's value holds
    up to the wall."""
    columns = []
    for k, n in enumerate(grid.shape):
        columns.append(x[:, k] if k == axis else (x[:, k] - 0.5).clamp(0, n - 1))
    return _around(torch.stack(columns, 1), grid)


def nodes_around(x: Tensor, grid: Grid) -> Stencil:
    """The nodes around points."""
    return _around(x, grid)


def gather(faces: Tensor, x: Tensor, grid: Grid) -> Tensor:
    """A face field at points, (n, dim)."""
    parts = []
    for axis in range(grid.dim):
        stencil = faces_around(x, axis, grid)
        parts.append((stencil.weights * faces[axis].reshape(-1)[stencil.places]).sum(1))
    return torch.stack(parts, 1)


def gather_slopes(faces: Tensor, x: Tensor, grid: Grid) -> Tensor:
    """Slopes of a face field at points, (n, dim, dim): [:, a, m] of component a along m, for each
    cell; 0 where its value holds up to the wall."""
    components = []
    for axis in range(grid.dim):
        stencil = faces_around(x, axis, grid)
        values = faces[axis].reshape(-1)[stencil.places]
        slopes = []
        for m, n in enumerate(grid.shape):
            slope = (stencil.slopes(m) * values).sum(1)
            held = (x[:, m] <= 0.5) | (x[:, m] >= n - 0.5)
            slopes.append(slope if m == axis else torch.where(held, 0.0, slope))
        components.append(torch.stack(slopes, 1))
    return torch.stack(components, 1)


def keep_inside(x: Tensor, grid: Grid) -> Tensor:
    """Points within the domain."""
    return x.clamp(min=KEPT_FROM_WALL).minimum(x.new_tensor(grid.shape) - KEPT_FROM_WALL)


def corners(grid: Grid, like: Tensor) -> Tensor:
    """The corners of a unit cell, (2^dim, dim), in the order of `Stencil.places`."""
    return like.new_tensor(list(itertools.product((0.0, 1.0), repeat=grid.dim)))


def _around(x: Tensor, grid: Grid) -> Stencil:
    lower = x.detach().long()
    places = torch.zeros((len(x), 1), dtype=torch.int64, device=x.device)
    for k, stride in enumerate(grid.strides):
        pair = (lower[:, k, None] + torch.arange(2, device=x.device)).clamp(max=grid.shape[k])
        places = (places[:, :, None] + pair[:, None, :] * stride).flatten(1)
    return Stencil(lower, x - lower, places)


def _product(pairs: list[Tensor]) -> Tensor:
    """Products (n, 2^dim) of one of each pair (n, 2)."""
    result = pairs[0]
    for pair in pairs[1:]:
        result = (result[:, :, None] * pair[:, None, :]).flatten(1)
    return result
