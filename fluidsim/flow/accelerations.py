"""Accelerations that act on the flow: gravity, buoyancy, and body forces that a scene prescribes.

What the flow does to the solids is in loads.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

from fluidsim.flow.values import top_component
from fluidsim.grid.grid import Grid
from fluidsim.solid.shapes import Vector

Acceleration = Callable[[Tensor, float], Tensor]


def gravity_vector(gravity: float | Vector, dim: int) -> Vector:
    """Gravity as a vector, m/s^2; a number points downwards. Of a tensor the parts are tensors.

    Raises ValueError if a vector has the wrong number of components.
    """
    if isinstance(gravity, Tensor) and gravity.ndim == 0:
        return (0.0,) * (dim - 1) + (cast("float", -gravity),)
    if isinstance(gravity, (int, float)):
        return (0.0,) * (dim - 1) + (-float(gravity),)
    if len(gravity) != dim:
        raise ValueError(f"gravity needs {dim} components, or one number, not {gravity}")
    return tuple(gravity)


def add_gravity(velocity: Tensor, gravity: Vector, dt: float) -> None:
    """Accelerate the faces (dim, *nodes) by `gravity`, m/s^2, for `dt` seconds."""
    for axis, acceleration in enumerate(gravity):
        if isinstance(acceleration, Tensor) or acceleration != 0:
            velocity[axis].add_(acceleration * dt)


class BodyForce:
    """An acceleration as a function of points (..., dim), m, and of the time, s; it returns
    (..., dim), m/s^2."""

    def __init__(self, acceleration: Acceleration, grid: Grid, device: torch.device) -> None:
        self._acceleration = acceleration
        self._grid = grid
        self._points = [
            grid.cells(grid.cell_positions(device).movedim(-1, 0)).movedim(0, -1),
            *(_face_points(axis, grid, device) for axis in range(grid.dim)),
        ]

    def add(self, velocity: Tensor, time: float, dt: float) -> None:
        """Accelerate the faces (dim, *nodes) for `dt` seconds by its value at `time`, s."""
        for axis, points in enumerate(self._points[1:]):
            faces = self._grid.faces(velocity, axis)
            faces.add_(self._at(points, time)[..., axis], alpha=dt)
        self._grid.join(velocity)

    def strength(self, time: float) -> float:
        """The largest acceleration at a cell centre at `time`, m/s^2."""
        return top_component(self._at(self._points[0], time).norm(dim=-1))

    def _at(self, points: Tensor, time: float) -> Tensor:
        """Its value; raises ValueError if the function does not return a vector for each point."""
        values = self._acceleration(points, time)
        if values.shape != points.shape:
            raise ValueError(
                f"a body force must return an array of the points' shape {tuple(points.shape)}, "
                f"not {tuple(values.shape)}"
            )
        return values


def _face_points(axis: int, grid: Grid, device: torch.device) -> Tensor:
    """The centres of the faces normal to an axis, (*faces, dim)."""
    points = grid.face_positions(axis, device)
    for other, n in enumerate(grid.shape):
        points = points.narrow(other, 0, n + (other == axis))
    return points


def add_cell_acceleration(
    velocity: Tensor, axis: int, acceleration: Tensor, dt: float, grid: Grid
) -> None:
    """Add dt times a cell field (*shape), m/s^2, to the faces between the cells along an axis."""
    n = grid.shape[axis]
    faces = grid.faces(velocity, axis)
    lower, upper = acceleration.narrow(axis, 0, n - 1), acceleration.narrow(axis, 1, n - 1)
    faces.narrow(axis, 1, n - 1).add_(lower, alpha=0.5 * dt).add_(upper, alpha=0.5 * dt)
    if axis in grid.periodic:
        seam = acceleration.narrow(axis, n - 1, 1) + acceleration.narrow(axis, 0, 1)
        for rim in (0, n):
            faces.narrow(axis, rim, 1).add_(seam, alpha=0.5 * dt)


def add_buoyancy(
    velocity: Tensor,
    density: Tensor,
    temperature: Tensor,
    weight: float,
    lift: float,
    dt: float,
    grid: Grid,
) -> None:
    """Accelerate upwards by lift * temperature - weight * density: smoke sinks, heat rises.

    density (1), temperature (K above ambient): (*shape). weight m/s^2, lift m/s^2/K.
    Fedkiw, Stam & Jensen 2001, "Visual simulation of smoke", eq. 8.
    """
    add_cell_acceleration(velocity, grid.up, lift * temperature - weight * density, dt, grid)
