"""Accelerations of the flow: gravity and buoyancy."""

from __future__ import annotations

from torch import Tensor

from fluidsim.grid import Grid


def add_gravity(velocity: Tensor, gravity: float, dt: float, grid: Grid) -> None:
    """Accelerate the faces (dim, *nodes) downwards by `gravity`, m/s^2."""
    velocity[grid.up] -= gravity * dt


def add_cell_acceleration(
    velocity: Tensor, axis: int, acceleration: Tensor, dt: float, grid: Grid
) -> None:
    """Add dt times a cell field (*shape), m/s^2, to the faces between two cells of an axis."""
    n = grid.shape[axis]
    faces = grid.faces(velocity, axis).narrow(axis, 1, n - 1)
    lower, upper = acceleration.narrow(axis, 0, n - 1), acceleration.narrow(axis, 1, n - 1)
    faces.add_(lower, alpha=0.5 * dt).add_(upper, alpha=0.5 * dt)


def add_buoyancy(
    velocity: Tensor,
    density: Tensor,
    temperature: Tensor,
    weight: float,
    lift: float,
    dt: float,
    grid: Grid,
) -> None:
    """Smoke is heavy, heat rises: up-acceleration lift * temperature - weight * density.

    density (1), temperature (K above ambient): (*shape). weight m/s^2, lift m/s^2/K.
    Fedkiw, Stam & Jensen 2001, "Visual simulation of smoke", eq. 8.
    """
    add_cell_acceleration(velocity, grid.up, lift * temperature - weight * density, dt, grid)
