"""Extrapolation of a field beyond the points where it is known, layer by layer.

The level of a point says whether its value is KNOWN or UNKNOWN; stored points that belong to no
cell or face are OUTSIDE. A value found in layer k has level k + 1.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fluidsim.flow import extrapolation_gpu
from fluidsim.flow.extrapolation_kernels import KNOWN, OUTSIDE, UNKNOWN, grow
from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_plain


def levels_beside(known: Tensor, kept: Tensor, grid: Grid) -> Tensor:
    """Levels (dim, *nodes) at which the faces of the `known` cells (*shape) bool are known.

    kept: (dim, *nodes) bool; faces that are not kept are unknown in any case.
    """
    level = grid.zeros(known.device, grid.dim, dtype=torch.int8).fill_(OUTSIDE)
    flags = known.to(torch.int8) * KNOWN
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(level, axis)
        faces.fill_(UNKNOWN)
        faces.narrow(axis, 0, n).bitwise_or_(flags)
        faces.narrow(axis, 1, n).bitwise_or_(flags)
        if axis in grid.periodic:
            first, last = faces.select(axis, 0), faces.select(axis, n)
            last.copy_(first.bitwise_or_(last))
        faces.mul_(grid.faces(kept, axis))
    return level


def levels_of(known: Tensor, components: int, grid: Grid) -> Tensor:
    """Levels (components, *nodes) at which the `known` cells (*shape) bool are known."""
    level = grid.zeros(known.device, components, dtype=torch.int8).fill_(OUTSIDE)
    grid.cells(level).copy_(torch.where(known, KNOWN, UNKNOWN))
    return level


def extrapolate(field: Tensor, level: Tensor, layers: int, grid: Grid) -> None:
    """Set unknown values next to known ones to the mean of these, `layers` times over.

    field: (components, *nodes) float32. level: the same shape, int8. Both are changed in place.
    """
    if not are_plain(field):
        Continuation.of(level, layers, grid).apply(field)
    elif field.device.type == "cpu":
        missing, strides = _neighbours_missing(grid), np.array(grid.strides)
        grow(_components(field), _components(level), missing, strides, layers)
    else:
        extrapolate_on_gpu(field, level, layers, grid)


def extrapolate_on_gpu(field: Tensor, level: Tensor, layers: int, grid: Grid) -> None:
    """The same, layer after layer on all points."""
    grow_layer, ivec = extrapolation_gpu.kernel(grid.dim)
    missing = _missing_on(field.device, grid)
    for number in range(1, layers + 1):
        grow_layer(field.view(-1), level.view(-1), missing, number, ivec(*grid.strides))


def _components(field: Tensor) -> np.ndarray:
    return field.view(len(field), -1).numpy()


@functools.lru_cache(maxsize=4)
def _missing_on(device: torch.device, grid: Grid) -> Tensor:
    return torch.from_numpy(_neighbours_missing(grid).astype(np.int8)).to(device)


@functools.lru_cache(maxsize=4)
def _neighbours_missing(grid: Grid) -> np.ndarray:
    """Bits for the neighbours that a stored point lacks, (node_count,) uint8: bit 2 k for the one
    below on axis k, bit 2 k + 1 for the one above."""
    missing = np.zeros(grid.nodes, dtype=np.uint8)
    for axis in range(grid.dim):
        line = np.moveaxis(missing, axis, 0)
        line[0] |= 1 << 2 * axis
        line[-1] |= 1 << 2 * axis + 1
    return missing.ravel()


@dataclass(frozen=True, eq=False)
class Layer:
    """points: (n,) int64, flat index. around: (n, 2 dim) int64, their neighbours. weights:
    (n, 2 dim), of the neighbours; their sum is 1."""

    points: Tensor
    around: Tensor
    weights: Tensor


@dataclass(frozen=True, eq=False)
class Continuation:
    """The same as `extrapolate`, prepared once for levels that are used many times."""

    layers: tuple[Layer, ...]

    @classmethod
    def of(cls, level: Tensor, layers: int, grid: Grid) -> Continuation:
        """level: (components, *nodes) int8, as for `extrapolate`; changed in place likewise."""
        places = (level == UNKNOWN).nonzero()
        strides = torch.tensor((grid.node_count, *grid.strides), device=level.device)
        last = torch.tensor(grid.nodes, device=level.device) - 1
        below, above = (places[:, 1:] - 1).clamp(min=0), torch.minimum(places[:, 1:] + 1, last)
        for axis in grid.periodic:
            n, place = grid.shape[axis], places[:, 1 + axis]
            below[:, axis], above[:, axis] = (place - 1) % n, (place + 1) % n
        points = (places * strides).sum(1)
        beside = torch.stack((below, above), -1) - places[:, 1:, None]
        around = points[:, None, None] + strides[1:, None] * beside
        around = around.view(len(points), 2 * grid.dim)
        levels = level.view(-1)
        found = []
        for number in range(1, layers + 1):
            there = levels[around]
            known = (there >= KNOWN) & (there <= number)
            reached = known.any(1)
            weights = known[reached].to(torch.get_default_dtype())
            found.append(Layer(points[reached], around[reached], weights / weights.sum(1, True)))
            levels[points[reached]] = number + 1
            points, around = points[~reached], around[~reached]
        return cls(tuple(found))

    def apply(self, field: Tensor) -> None:
        """Fill the layers of a field (components, *nodes), in place."""
        values = field.view(-1)
        for layer in self.layers:
            values[layer.points] = (values[layer.around] * layer.weights).sum(1)
