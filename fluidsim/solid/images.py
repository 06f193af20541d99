"""Shapes and bodies in periodic domains, which repeat them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.solid.motion import Pose, RigidMotion
from fluidsim.solid.movement import Deformation, Movement, Samples
from fluidsim.solid.shapes import Shape, Vector


@dataclass(frozen=True)
class Repeated(Shape):
    """The union of a shape shifted by each of the `offsets`, m."""

    shape: Shape
    offsets: tuple[Vector, ...]

    def distance(self, points: Tensor) -> Tensor:
        images = (self.shape.distance(points - points.new_tensor(way)) for way in self.offsets)
        return torch.stack(list(images)).amin(0)


@dataclass(frozen=True)
class Image(RigidMotion):
    """A body brought back into the domain by whole periods, then shifted.

    periods: length of the domain along each axis, m, or 0 where it is not periodic. offset: m.
    """

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


@dataclass(frozen=True)
class DeformedImage(Deformation):
    """A shape that deforms, shifted by `offset`, m."""

    body: Deformation
    offset: Vector

    def distance(self, points: Tensor, time: float) -> Tensor:
        return self.body.distance(points - points.new_tensor(self.offset), time)

    def velocity_at(self, points: Tensor, time: float) -> Tensor:
        return self.body.velocity_at(points - points.new_tensor(self.offset), time)

    def top_speed(self, time: float, seconds: float, reach: float) -> float:
        return self.body.top_speed(time, seconds, reach)

    def surface(self, since: float, until: float, spacing: float, dim: int) -> Samples:
        points, areas, velocities = self.body.surface(since, until, spacing, dim)
        return Samples(points + points.new_tensor(self.offset), areas, velocities)


def repeated(shape: Shape, grid: Grid) -> Shape:
    """The shape together with its images one period away along each periodic axis of a grid.

    A shape that is to fill such an axis must reach beyond both ends.
    """
    return Repeated(shape, _offsets(grid)) if grid.periodic else shape


def images(bodies: Sequence[Movement], grid: Grid) -> tuple[Movement, ...]:
    """The bodies together with their images along the periodic axes of a grid."""
    if not grid.periodic:
        return tuple(bodies)
    periods = tuple(side * (axis in grid.periodic) for axis, side in enumerate(grid.extent))

    def image(body: Movement, offset: Vector) -> Movement:
        if isinstance(body, RigidMotion):
            return Image(body.shape, body.pivot, body, periods, offset)
        if isinstance(body, Deformation):
            return DeformedImage(body, offset)
        raise TypeError(f"a {type(body).__name__} is neither a RigidMotion nor a Deformation")

    return tuple(image(body, offset) for body in bodies for offset in _offsets(grid))


def _offsets(grid: Grid) -> tuple[Vector, ...]:
    steps = [(0, -1, 1) if axis in grid.periodic else (0,) for axis in range(grid.dim)]
    return tuple(
        tuple(step * side for step, side in zip(way, grid.extent, strict=True))
        for way in itertools.product(*steps)
    )
