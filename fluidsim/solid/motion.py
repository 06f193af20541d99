"""Rigid motion of solids: at constant rates, or along keyframes."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from fluidsim.solid.movement import LOOKS, Movement
from fluidsim.solid.shapes import Shape, Vector, rotation_matrix
from fluidsim.solid.values import settle, vector


@dataclass(frozen=True)
class Pose:
    """Where a moving solid is, relative to where its shape was defined, and how it moves.

    Parameters
    ----------
    offset : tuple of dim floats
        Its shift, m.
    angle : float
        Its turn about the pivot, rad; counter-clockwise.
    velocity : tuple of dim floats
        Velocity of the pivot, m/s.
    spin : float
        Angular velocity, rad/s.
    """

    offset: Vector
    angle: float
    velocity: Vector
    spin: float


@dataclass(frozen=True)
class RigidMotion(Movement):
    """A shape that moves as a rigid body.

    A motion of one's own derives from this class and defines `pose` and `turning_axis`.

    Parameters
    ----------
    shape : Shape
        The shape, where it is before it moves.
    pivot : tuple of dim floats
        The point about which it turns, m; it moves along with the shape.
    """

    recorded: ClassVar[tuple[str, ...]] = ()

    shape: Shape
    pivot: Vector

    def __post_init__(self) -> None:
        settle(self, recorded=self.recorded)

    @abstractmethod
    def pose(self, time: float) -> Pose:
        """Where the solid is and how it moves.

        Parameters
        ----------
        time : float
            The time, s.

        Returns
        -------
        Pose
        """

    @property
    @abstractmethod
    def turning_axis(self) -> Vector:
        """Direction of the axis about which it turns in 3D; not used in 2D."""

    def distance(self, points: Tensor, time: float) -> Tensor:
        pose = self.pose(time)
        turn = rotation_matrix(pose.angle, self.turning_axis, len(self.pivot)).to(points)
        rest = (points - self.pivot_at(points, pose)) @ turn + points.new_tensor(self.pivot)
        return self.shape.distance(rest)

    def velocity_at(self, points: Tensor, time: float) -> Tensor:
        pose = self.pose(time)
        arm = points - self.pivot_at(points, pose)
        if len(self.pivot) == 2:
            turning = pose.spin * torch.stack((-arm[..., 1], arm[..., 0]), dim=-1)
        else:
            axis = torch.nn.functional.normalize(points.new_tensor(self.turning_axis), dim=0)
            turning = torch.linalg.cross(pose.spin * axis.expand_as(arm), arm)
        return turning + vector(pose.velocity, points)

    def top_speed(self, time: float, seconds: float, reach: float) -> float:
        poses = [self.pose(time + seconds * look / LOOKS) for look in range(LOOKS + 1)]
        return max(math.hypot(*pose.velocity) + abs(pose.spin) * reach for pose in poses)

    def pivot_at(self, points: Tensor, pose: Pose) -> Tensor:
        """Position of the pivot.

        Parameters
        ----------
        points : Tensor
            Gives the type and the device of the result.
        pose : Pose
            Where the solid is.

        Returns
        -------
        Tensor, (dim,)
            Position, m.
        """
        return points.new_tensor(self.pivot) + vector(pose.offset, points)


@dataclass(frozen=True)
class Moving(RigidMotion):
    """A shape that moves and turns at constant rates, from where it is at time 0.

    Parameters
    ----------
    shape : Shape
        The shape at time 0.
    pivot : tuple of dim floats
        The point about which it turns, m; it moves along with the shape.
    velocity : tuple of dim floats, optional
        Velocity of the pivot, m/s; 0 by default.
    spin : float
        Angular velocity, rad/s; counter-clockwise.
    axis : tuple of 3 floats
        Direction of the axis in 3D, of any length; up by default.
    """

    recorded = ("velocity", "spin")

    velocity: Vector | None = None
    spin: float = 0.0
    axis: Vector = (0.0, 0.0, 1.0)

    @property
    def turning_axis(self) -> Vector:
        return self.axis

    def pose(self, time: float) -> Pose:
        velocity = (0.0,) * len(self.pivot) if self.velocity is None else tuple(self.velocity)
        offset = tuple(time * speed for speed in velocity)
        return Pose(offset, self.spin * time, velocity, self.spin)


@dataclass(frozen=True)
class Keyframe:
    """Where a solid is at one time, relative to where its shape was defined.

    Parameters
    ----------
    time : float
        The time, s.
    offset : tuple of dim floats
        Its shift, m.
    angle : float
        Its turn about the pivot, rad; counter-clockwise.
    """

    time: float
    offset: Vector
    angle: float = 0.0

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True)
class Keyframed(RigidMotion):
    """A shape that moves through keyframes, smoothly and without overshooting.

    It rests before the first and after the last keyframe. The interpolation is by monotone cubics:
    Fritsch & Carlson 1980, "Monotone piecewise cubic interpolation".

    Parameters
    ----------
    shape : Shape
        The shape, where it is before the offsets apply.
    pivot : tuple of dim floats
        The point about which it turns, m; it moves along with the shape.
    keys : tuple of Keyframe
        Two or more keyframes, by increasing time.
    axis : tuple of 3 floats
        Direction of the axis in 3D, of any length; up by default.

    Raises
    ------
    ValueError
        If there are fewer than two keyframes, their times do not increase, or an offset has the
        wrong number of components.
    """

    keys: tuple[Keyframe, ...]
    axis: Vector = (0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        times = [key.time for key in self.keys]
        if len(times) < 2 or any(a >= b for a, b in itertools.pairwise(times)):
            raise ValueError("keyframes need two or more times that increase")
        if any(len(key.offset) != len(self.pivot) for key in self.keys):
            raise ValueError(f"the offsets of keyframes need {len(self.pivot)} components")

    @property
    def turning_axis(self) -> Vector:
        return self.axis

    def pose(self, time: float) -> Pose:
        from scipy.interpolate import PchipInterpolator  # slow to load, and few solids have keys

        times = np.array([key.time for key in self.keys])
        values = np.array([(*key.offset, key.angle) for key in self.keys])
        path = PchipInterpolator(times, values)
        inside = float(np.clip(time, times[0], times[-1]))
        *offset, angle = np.asarray(path(inside)).tolist()
        moves = times[0] < time < times[-1]
        *velocity, spin = (moves * np.asarray(path(inside, 1))).tolist()
        return Pose(tuple(offset), angle, tuple(velocity), spin)
