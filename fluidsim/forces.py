"""Accelerations of the flow: gravity, buoyancy, vorticity confinement."""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid import Grid


def add_gravity(velocity: Tensor, gravity: float, dt: float, grid: Grid) -> None:
    """Accelerate the faces (dim, *nodes) downwards by `gravity`, m/s^2."""
    velocity[grid.up] -= gravity * dt


def add_cell_acceleration(velocity: Tensor, axis: int, acceleration: Tensor, dt: float,
                          grid: Grid) -> None:  # fmt: skip
    """Add dt times a cell field (*shape), m/s^2, to the faces between two cells of an axis."""
    n = grid.shape[axis]
    faces = grid.faces(velocity, axis).narrow(axis, 1, n - 1)
    lower, upper = acceleration.narrow(axis, 0, n - 1), acceleration.narrow(axis, 1, n - 1)
    faces.add_(lower + upper, alpha=0.5 * dt)


def add_buoyancy(velocity: Tensor, density: Tensor, temperature: Tensor, weight: float,
                 lift: float, dt: float, grid: Grid) -> None:  # fmt: skip
    """Smoke is heavy, heat rises: up-acceleration lift * temperature - weight * density.

    density (1), temperature (K above ambient): (*shape). weight m/s^2, lift m/s^2/K.
    Fedkiw, Stam & Jensen 2001, "Visual simulation of smoke", eq. 8.
    """
    add_cell_acceleration(velocity, grid.up, lift * temperature - weight * density, dt, grid)


def add_vorticity_confinement(velocity: Tensor, strength: float, dt: float, grid: Grid) -> None:
    """Push along N x omega, N = grad|omega| / |grad|omega||; Fedkiw et al. 2001, eq. 9-11.

    strength: dimensionless; the acceleration is strength * dx * |N x omega|.
    """
    confine = _confinement_2d if grid.dim == 2 else _confinement_3d
    for axis, acceleration in enumerate(confine(velocity, grid)):
        add_cell_acceleration(velocity, axis, acceleration, strength * grid.dx * dt, grid)


def centred(velocity: Tensor, grid: Grid) -> Tensor:
    """Velocity at the cell centres, (dim, *shape)."""
    parts = []
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(velocity, axis)
        parts.append((faces.narrow(axis, 0, n) + faces.narrow(axis, 1, n)) / 2)
    return torch.stack(parts)


def vorticity_2d(flow: Tensor, dx: float) -> Tensor:
    """d w/dx - d u/dz (*shape), 1/s, of a cell-centred velocity (2, *shape)."""
    return _slope(flow[1], 0, dx) - _slope(flow[0], 1, dx)


def vorticity_3d(flow: Tensor, dx: float) -> Tensor:
    """Curl (3, *shape), 1/s, of a cell-centred velocity (3, *shape)."""
    return torch.stack(
        [
            _slope(flow[(a + 2) % 3], (a + 1) % 3, dx) - _slope(flow[(a + 1) % 3], (a + 2) % 3, dx)
            for a in range(3)
        ]
    )


def _confinement_2d(velocity: Tensor, grid: Grid) -> tuple[Tensor, ...]:
    omega = vorticity_2d(centred(velocity, grid), grid.dx)
    normal = _unit_gradient(omega.abs(), grid.dx)
    return normal[1] * omega, -normal[0] * omega


def _confinement_3d(velocity: Tensor, grid: Grid) -> tuple[Tensor, ...]:
    omega = vorticity_3d(centred(velocity, grid), grid.dx)
    normal = _unit_gradient(omega.norm(dim=0), grid.dx)
    return tuple(
        normal[(a + 1) % 3] * omega[(a + 2) % 3] - normal[(a + 2) % 3] * omega[(a + 1) % 3]
        for a in range(3)
    )


def _unit_gradient(scalar: Tensor, dx: float) -> Tensor:
    gradient = torch.stack([_slope(scalar, axis, dx) for axis in range(scalar.dim())])
    return gradient / gradient.norm(dim=0).clamp(min=1e-20)


def _slope(field: Tensor, axis: int, dx: float) -> Tensor:
    """Central difference, one-sided at the rim; 0 on an axis of one cell."""
    if field.shape[axis] == 1:
        return torch.zeros_like(field)
    return torch.gradient(field, spacing=dx, dim=axis)[0]
