"""Rigid motion of solids."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.shapes import Shape, Vector, rotation_matrix


@dataclass(frozen=True)
class Moving:
    """A shape that translates and turns at constant rates; at time 0 it stands where it was made.

    velocity: m/s. spin: rad/s, counter-clockwise about `pivot`, which moves along; in 3D about
    `axis` (up by default).
    """

    shape: Shape
    pivot: Vector
    velocity: Vector | None = None
    spin: float = 0.0
    axis: Vector = (0.0, 0.0, 1.0)

    def distance(self, points: Tensor, time: float) -> Tensor:
        """Signed distance (...) of world `points` (..., dim) at `time`, m."""
        turn = rotation_matrix(self.spin * time, self.axis, len(self.pivot)).to(points)
        rest = (points - self._pivot(points, time)) @ turn + points.new_tensor(self.pivot)
        return self.shape.distance(rest)

    def velocity_at(self, points: Tensor, time: float) -> Tensor:
        """Velocity (..., dim) of the solid's material at world `points`, m/s."""
        arm = points - self._pivot(points, time)
        if len(self.pivot) == 2:
            turning = self.spin * torch.stack((-arm[..., 1], arm[..., 0]), dim=-1)
        else:
            axis = torch.nn.functional.normalize(points.new_tensor(self.axis), dim=0)
            turning = torch.linalg.cross(self.spin * axis.expand_as(arm), arm)
        return turning + self._drift(points)

    def _drift(self, points: Tensor) -> Tensor:
        return points.new_tensor(self.velocity or (0.0,) * len(self.pivot))

    def _pivot(self, points: Tensor, time: float) -> Tensor:
        return points.new_tensor(self.pivot) + time * self._drift(points)
