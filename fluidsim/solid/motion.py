"""Rigid motion of solids: at constant rates, or along keyframes."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from fluidsim.solid.shapes import Shape, Vector, rotation_matrix


@dataclass(frozen=True)
class Pose:
    """Where a solid is against where it was made: shifted by `offset` (m), turned by `angle` (rad)
    about its pivot; and the rates of both, m/s and rad/s."""

    offset: Vector
    angle: float
    velocity: Vector
    spin: float


@dataclass(frozen=True)
class RigidMotion(ABC):
    """A shape that moves as a rigid body.

    pivot: what it turns about, which moves along. axis: of the turning in 3D (up by default);
    angles are counter-clockwise.
    """

    shape: Shape
    pivot: Vector

    @abstractmethod
    def pose(self, time: float) -> Pose:
        """Pose and rates at `time`, s."""

    @property
    @abstractmethod
    def turning_axis(self) -> Vector:
        """Of the turning, in 3D."""

    def distance(self, points: Tensor, time: float) -> Tensor:
        """Signed distance (...) of world `points` (..., dim) at `time`, m."""
        pose = self.pose(time)
        turn = rotation_matrix(pose.angle, self.turning_axis, len(self.pivot)).to(points)
        rest = (points - self.pivot_at(points, pose)) @ turn + points.new_tensor(self.pivot)
        return self.shape.distance(rest)

    def velocity_at(self, points: Tensor, time: float) -> Tensor:
        """Velocity (..., dim) of the solid's material at world `points`, m/s."""
        pose = self.pose(time)
        arm = points - self.pivot_at(points, pose)
        if len(self.pivot) == 2:
            turning = pose.spin * torch.stack((-arm[..., 1], arm[..., 0]), dim=-1)
        else:
            axis = torch.nn.functional.normalize(points.new_tensor(self.turning_axis), dim=0)
            turning = torch.linalg.cross(pose.spin * axis.expand_as(arm), arm)
        return turning + points.new_tensor(pose.velocity)

    def pivot_at(self, points: Tensor, pose: Pose) -> Tensor:
        """The pivot (dim,) in a pose, as a tensor like `points`, m."""
        return points.new_tensor(self.pivot) + points.new_tensor(pose.offset)


@dataclass(frozen=True)
class Moving(RigidMotion):
    """Translates and turns at constant rates; at time 0 it stands where it was made.

    velocity: m/s. spin: rad/s.
    """

    velocity: Vector | None = None
    spin: float = 0.0
    axis: Vector = (0.0, 0.0, 1.0)

    @property
    def turning_axis(self) -> Vector:
        return self.axis

    def pose(self, time: float) -> Pose:
        velocity = self.velocity or (0.0,) * len(self.pivot)
        offset = tuple(time * speed for speed in velocity)
        return Pose(offset, self.spin * time, velocity, self.spin)


@dataclass(frozen=True)
class Keyframe:
    """At `time` (s) the solid is shifted by `offset` (m) and turned by `angle` (rad)."""

    time: float
    offset: Vector
    angle: float = 0.0


@dataclass(frozen=True)
class Keyframed(RigidMotion):
    """Passes through keyframes, smoothly and without overshooting; at rest before and after them.

    Monotone cubic interpolation: Fritsch & Carlson 1980, SIAM J. Numer. Anal. 17.
    """

    keys: tuple[Keyframe, ...]
    axis: Vector = (0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        times = [key.time for key in self.keys]
        if len(times) < 2 or any(a >= b for a, b in itertools.pairwise(times)):
            raise ValueError("keyframes need two or more times that increase")
        if any(len(key.offset) != len(self.pivot) for key in self.keys):
            raise ValueError(f"the offsets of keyframes need {len(self.pivot)} components")

    @property
    def turning_axis(self) -> Vector:
        return self.axis

    def pose(self, time: float) -> Pose:
        times = np.array([key.time for key in self.keys])
        values = np.array([(*key.offset, key.angle) for key in self.keys])
        path = PchipInterpolator(times, values)
        inside = float(np.clip(time, times[0], times[-1]))
        *offset, angle = np.asarray(path(inside)).tolist()
        moves = times[0] < time < times[-1]
        *velocity, spin = (moves * np.asarray(path(inside, 1))).tolist()
        return Pose(tuple(offset), angle, tuple(velocity), spin)
