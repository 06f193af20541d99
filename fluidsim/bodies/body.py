"""A rigid body on its way: where it is, how it is turned, and its momenta."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from fluidsim.bodies.mass import MassProperties
from fluidsim.bodies.rigid_body import RigidBody
from fluidsim.grid.grid import Grid
from fluidsim.solid.motion import Pose, RigidMotion
from fluidsim.solid.shapes import Vector, rotation_matrix

REACH = 9.0  # cells: pictures and steps look no farther


class Body(RigidMotion):
    """A rigid body of one simulation: `RigidBody` says where and how it begins.

    Like the liquid it is a leapfrog: `twist` belongs to the middles of steps, position and rotation
    to their ends. Its pose is the present one at whatever time. Twists and impulses are vectors of
    3 (2D) or 6 numbers: of the centre of mass, then of the rotation about it, in world axes.

    centre (dim,) float64, m. rotation (dim, dim) float64, from the shape's axes to the world's.
    velocity (dim,), m/s. angular_momentum (1,) or (3,), kg m^2/s. radius: m, of the ball around the
    centre that holds it. reach: m, how far from this ball `distance` is exact.
    """

    def __init__(self, described: RigidBody, grid: Grid) -> None:
        """grid: of the domain. Raises ValueError as `MassProperties.of`, and for vectors of another
        dimension."""
        properties = MassProperties.of(described, grid)
        super().__init__(described.shape, tuple(properties.centre.tolist()))
        dim = grid.dim
        self.described = described
        self.mass, self.inertia = properties.mass, properties.inertia
        self.arms = properties.surface - properties.centre
        self.radius = float(np.sqrt((self.arms**2).sum(1)).max())
        self.reach = REACH * grid.dx
        self.centre = properties.centre.copy()
        self.rotation = np.eye(dim)
        self.velocity = _vector(described.velocity, dim, "velocity")
        turning = described.angular_velocity
        turning = (turning,) if isinstance(turning, (int, float)) else turning
        spin = _vector(turning, 1 if dim == 2 else 3, "angular velocity")
        self.angular_momentum = self.inertia @ spin

    @property
    def dim(self) -> int:
        return len(self.centre)

    @property
    def turning_axis(self) -> Vector:
        return (0.0, 0.0, 1.0) if self.dim == 2 else tuple(self.angular_velocity.tolist())

    @property
    def angular_velocity(self) -> np.ndarray:
        """(1,) or (3,), rad/s."""
        return np.linalg.solve(self._inertia_at(self.rotation), self.angular_momentum)

    @property
    def twist(self) -> np.ndarray:
        """Velocity of the centre of mass and angular velocity, (3,) or (6,)."""
        return np.concatenate((self.velocity, self.angular_velocity))

    def set_twist(self, twist: np.ndarray) -> None:
        self.velocity = twist[: self.dim].copy()
        self.angular_momentum = self._inertia_at(self.rotation) @ twist[self.dim :]

    def mass_matrix(self) -> np.ndarray:
        """What takes a twist to the momenta, (3, 3) or (6, 6)."""
        dim, size = self.dim, self.dim + len(self.inertia)
        matrix = np.zeros((size, size))
        matrix[:dim, :dim] = self.mass * np.eye(dim)
        matrix[dim:, dim:] = self._inertia_at(self.rotation)
        return matrix

    def pose(self, time: float) -> Pose:
        """The present pose; `angle` is 0, since the rotation is no turn about one axis."""
        offset = tuple((self.centre - np.array(self.pivot)).tolist())
        spin = float(np.linalg.norm(self.angular_velocity))
        return Pose(offset, 0.0, tuple(self.velocity.tolist()), spin)

    def distance(self, points: Tensor, time: float) -> Tensor:
        """As of `RigidMotion`; far away, the distance from the ball around the body."""
        centre, turn = (points.new_tensor(each) for each in (self.centre, self.rotation))
        arms = points - centre
        distance = arms.norm(dim=-1) - self.radius
        near = distance < self.reach
        distance[near] = self.shape.distance(arms[near] @ turn + points.new_tensor(self.pivot))
        return distance

    def velocity_at(self, points: Tensor, time: float) -> Tensor:
        arms = points - points.new_tensor(self.centre)
        spin = points.new_tensor(self.angular_velocity)
        if self.dim == 2:
            turning = spin * torch.stack((-arms[..., 1], arms[..., 0]), dim=-1)
        else:
            turning = torch.linalg.cross(spin.expand_as(arms), arms)
        return turning + points.new_tensor(self.velocity)

    def surface(self) -> np.ndarray:
        """Points on the surface (n, dim), m."""
        return self.centre + self.arms @ self.rotation.T

    def advance(self, dt: float) -> None:
        """Move on for a step; free of torque, the angular momentum stays as it is."""
        self.centre = self.centre + dt * self.velocity
        half = turned(self.angular_velocity * (dt / 2)) @ self.rotation
        spin = np.linalg.solve(self._inertia_at(half), self.angular_momentum)
        u, _, v = np.linalg.svd(turned(spin * dt) @ self.rotation)
        self.rotation = u @ v  # orthogonal, free of what rounding adds up to

    def stop(self) -> None:
        """Lose all speed."""
        self.velocity = np.zeros_like(self.velocity)
        self.angular_momentum = np.zeros_like(self.angular_momentum)

    def state(self) -> np.ndarray:
        """All that changes, as one row."""
        parts = self.centre, self.rotation.ravel(), self.velocity, self.angular_momentum
        return np.concatenate(parts)

    def restore(self, row: np.ndarray) -> None:
        """Return to a `state`."""
        dim = self.dim
        ends = np.cumsum((dim, dim * dim, dim))
        self.centre, rotation, self.velocity, self.angular_momentum = (
            part.copy() for part in np.split(row, ends)
        )
        self.rotation = rotation.reshape(dim, dim)

    def _inertia_at(self, rotation: np.ndarray) -> np.ndarray:
        return self.inertia if self.dim == 2 else rotation @ self.inertia @ rotation.T


def rows_of(arms: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """What takes a twist to the velocity along an axis, at each of n points, (n, 3) or (n, 6).

    arms: (n, dim), from the centre of mass, m. axes: (n, dim), directions.
    """
    if arms.shape[1] == 2:
        turning = arms[:, :1] * axes[:, 1:] - arms[:, 1:] * axes[:, :1]
    else:
        turning = np.cross(arms, axes)
    return np.hstack((axes, turning))


def turned(vector: np.ndarray) -> np.ndarray:
    """The rotation about a vector (3,) by its length, rad; in 2D by the angle (1,)."""
    angle = float(np.linalg.norm(vector)) if len(vector) == 3 else float(vector[0])
    if len(vector) == 3 and (angle == 0 or not math.isfinite(angle)):
        return np.eye(3)
    axis = tuple(vector.tolist()) if len(vector) == 3 else None
    return rotation_matrix(angle, axis, 3 if len(vector) == 3 else 2).numpy()


def _vector(values: Vector | None, length: int, what: str) -> np.ndarray:
    """Raises ValueError if the vector has another length."""
    if values is None:
        return np.zeros(length)
    if len(values) != length:
        raise ValueError(f"the {what} of a rigid body needs {length} components, not {values}")
    return np.array(values, dtype=np.float64)
