"""Grids whose ends meet along some axes, and fields that go on beyond them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid


@dataclass(frozen=True)
class Halo:
    """A grid that goes on for `width` cells beyond both ends of these of its periodic axes, so that
    what knows only grids with ends computes there what it does between them."""

    grid: Grid
    width: int
    axes: tuple[int, ...]

    @staticmethod
    def around(grid: Grid, reach: float, axes: tuple[int, ...] | None = None) -> Halo:
        """As wide as what looks as far as `reach` cells and at the points beside needs; of all
        periodic axes if `axes` are not given."""
        axes = grid.periodic if axes is None else axes
        longest = max(grid.shape[axis] for axis in axes)
        return Halo(grid, math.ceil(reach if reach < longest else longest) + 3, axes)

    @cached_property
    def wide(self) -> Grid:
        """The grid with its halo, which ends where that ends."""
        shape = tuple(n + 2 * self.width * (k in self.axes) for k, n in enumerate(self.grid.shape))
        return Grid(shape, self.grid.dx)

    def widen(self, field: Tensor) -> Tensor:
        """A stored field (..., *nodes) on the nodes of the wide grid, a copy."""
        for axis in self.axes:
            n = self.grid.shape[axis]
            places = torch.arange(-self.width, n + 1 + self.width, device=field.device) % n
            field = field.index_select(axis - self.grid.dim, places)
        return field

    def crop(self, field: Tensor) -> Tensor:
        """View of a field of nodes or cells of the wide grid, without its halo."""
        for axis in self.axes:
            at = axis - self.grid.dim
            field = field.narrow(at, self.width, field.shape[at] - 2 * self.width)
        return field
