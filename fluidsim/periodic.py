"""Domains whose ends meet along some axes: fields that go on beyond them, and shapes that recur."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from fluidsim.grid import Grid
from fluidsim.motion import Pose, RigidMotion
from fluidsim.shapes import Shape, Vector


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


@dataclass(frozen=True)
class Repeated(Shape):
    """A shape and its images, shifted by each of `offsets`, m."""

    shape: Shape
    offsets: tuple[Vector, ...]

    def distance(self, points: Tensor) -> Tensor:
        images = (self.shape.distance(points - points.new_tensor(way)) for way in self.offsets)
        return torch.stack(list(images)).amin(0)


@dataclass(frozen=True)
class Image(RigidMotion):
    """A body as it recurs: brought back into the domain by whole `periods` (m, 0 where there is
    none) along each axis, and shifted by `offset`, m."""

    body: RigidMotion
    periods: Vector
    offset: Vector

    @property
    def turning_axis(self) -> Vector:
        return self.body.turning_axis

    def pose(self, time: float) -> Pose:
        pose = self.body.pose(time)
        offset = tuple(
            way + shift - (period * math.floor((start + way) / period) if period else 0.0)
            for way, shift, start, period in zip(
                pose.offset, self.offset, self.pivot, self.periods, strict=True
            )
        )
        return replace(pose, offset=offset)


def repeated(shape: Shape, grid: Grid) -> Shape:
    """The shape as it recurs along the periodic axes of a grid: itself and its images beside the
    domain. One that shall fill such an axis must reach beyond its ends."""
    return Repeated(shape, _offsets(grid)) if grid.periodic else shape


def images(bodies: Sequence[RigidMotion], grid: Grid) -> tuple[RigidMotion, ...]:
    """The bodies as they recur along the periodic axes of a grid."""
    if not grid.periodic:
        return tuple(bodies)
    periods = tuple(side * (axis in grid.periodic) for axis, side in enumerate(grid.extent))
    return tuple(
        Image(body.shape, body.pivot, body, periods, offset)
        for body in bodies
        for offset in _offsets(grid)
    )


def _offsets(grid: Grid) -> tuple[Vector, ...]:
    steps = [(0, -1, 1) if axis in grid.periodic else (0,) for axis in range(grid.dim)]
    return tuple(
        tuple(step * side for step, side in zip(way, grid.extent, strict=True))
        for way in itertools.product(*steps)
    )
