"""Cells and faces to the pressure system, and the pressure back to the faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

import solvers
from fluidsim.grid import Grid

Observer = Callable[[solvers.PoissonSystem, Tensor, Tensor | None], None]


@dataclass(frozen=True)
class Projection:
    """What a pressure step leaves behind.

    max_divergence: largest divergence in the fluid, less what was asked for, 1/s.
    """

    solution: solvers.Solution
    max_divergence: float


def divergence(velocity: Tensor, grid: Grid) -> Tensor:
    """Divergence (*shape) of a face field (dim, *nodes), float64, 1/s."""
    total = torch.zeros(grid.shape, dtype=torch.float64, device=velocity.device)
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(velocity, axis)
        total += faces.narrow(axis, 1, n)
        total -= faces.narrow(axis, 0, n)
    return total.div_(grid.dx)


def assemble(
    fluid: Tensor, closed: Tensor, grid: Grid, dt: float, density: float
) -> solvers.PoissonSystem:
    """The system whose solution p makes velocity - dt/density grad p free of divergence.

    fluid: (*shape) bool. closed: (dim, *nodes) bool, faces that nothing passes.
    Weights are dt/(density dx^2) on open faces and 0 on closed ones, so that the unknown is the
    pressure in Pa; p = 0 in air, outside open sides and behind walls that the liquid leaves.
    """
    scale = dt / (density * grid.dx**2)
    weights = tuple(
        (~grid.faces(closed, axis)).to(torch.float64) * scale for axis in range(grid.dim)
    )
    return solvers.PoissonSystem(weights, fluid)


def subtract_gradient(
    velocity: Tensor, pressure: Tensor, system: solvers.PoissonSystem, grid: Grid
) -> None:
    """velocity -= dt/density grad p on every open face; `pressure` (*shape) in Pa."""
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(velocity, axis)
        gradient = torch.zeros(faces.shape, dtype=torch.float64, device=velocity.device)
        gradient.narrow(axis, 0, n).add_(pressure)
        gradient.narrow(axis, 1, n).sub_(pressure)
        faces -= (gradient * system.face_weights[axis] * grid.dx).to(velocity.dtype)


def project(
    velocity: Tensor,
    fluid: Tensor,
    closed: Tensor,
    grid: Grid,
    dt: float,
    density: float,
    solver: solvers.Solver,
    guess: Tensor | None,
    rtol: float,
    expansion: float = 0.0,
    observer: Observer | None = None,
) -> Projection:
    """Give `velocity` the divergence `expansion` (1/s) in the fluid cells, in place.

    The velocity of the `closed` faces must have been set. Raises solvers.SolveError when the
    solver fails. observer: sees system, rhs and guess before they are solved.
    """
    system = assemble(fluid, closed, grid, dt, density)
    rhs = (expansion - divergence(velocity, grid)) * fluid
    if observer is not None:
        observer(system, rhs, guess)
    solution = solvers.solve(system, rhs, solver=solver, guess=guess, rtol=rtol)
    subtract_gradient(velocity, solution.pressure, system, grid)
    left = ((divergence(velocity, grid) - expansion) * fluid).abs().amax()
    return Projection(solution, float(left))
