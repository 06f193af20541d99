"""Halos: periodic grids and fields continued beyond their ends."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid


@dataclass(frozen=True)
class Halo:
    """A grid continued for `width` cells beyond both ends of some of its periodic axes.

    Code that knows nothing of periodic axes can work on the wide grid.
    """

    grid: Grid
    width: int
    axes: tuple[int, ...]

    @staticmethod
    def around(grid: Grid, reach: float, axes: tuple[int, ...] | None = None) -> Halo:
        """A halo wide enough for code that reads up to `reach` cells away, and the points beside;
        along all periodic axes unless `axes` says which."""
        axes = grid.periodic if axes is None else axes
        longest = max(grid.shape[axis] for axis in axes)
        return Halo(grid, math.ceil(reach if reach < longest else longest) + 3, axes)

    @cached_property
    def wide(self) -> Grid:
        """The grid together with its halo; it is not periodic along those axes."""
        shape = tuple(n + 2 * self.width * (k in self.axes) for k, n in enumerate(self.grid.shape))
        return Grid(shape, self.grid.dx)

    def widen(self, field: Tensor) -> Tensor:
        """Copy a stored field (..., *nodes) to the nodes of the wide grid."""
        for axis in self.axes:
            n = self.grid.shape[axis]
            places = torch.arange(-self.width, n + 1 + self.width, device=field.device) % n
            field = field.index_select(axis - self.grid.dim, places)
        return field

    def crop(self, field: Tensor) -> Tensor:
        """View of a field on the nodes or cells of the wide grid without the halo."""
        for axis in self.axes:
            at = axis - self.grid.dim
            field = field.narrow(at, self.width, field.shape[at] - 2 * self.width)
        return field
