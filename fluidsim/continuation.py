"""Values continued into solids, for what interpolates near them: a list of points, found once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.grid import Grid
from fluidsim.levels import KNOWN, UNKNOWN


@dataclass(frozen=True, eq=False)
class Layer:
    """points: (n,) int64, flat index. around: (n, 2 dim) int64. weights: (n, 2 dim), sum 1."""

    points: Tensor
    around: Tensor
    weights: Tensor


@dataclass(frozen=True, eq=False)
class Continuation:
    """What `extrapolation.extrapolate` does, for levels that serve many times."""

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
            weights = known[reached].to(torch.float32)
            found.append(Layer(points[reached], around[reached], weights / weights.sum(1, True)))
            levels[points[reached]] = number + 1
            points, around = points[~reached], around[~reached]
        return cls(tuple(found))

    def apply(self, field: Tensor) -> None:
        """Fill the layers of a field (components, *nodes), in place."""
        values = field.view(-1)
        for layer in self.layers:
            values[layer.points] = (values[layer.around] * layer.weights).sum(1)
