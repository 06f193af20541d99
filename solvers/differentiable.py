"""The pressure as a function of right-hand side and face weights that torch differentiates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from solvers.protocol import Solver
from solvers.solve import Prepared, Solution, prepare, solve
from solvers.system import PoissonSystem


def differentiable_solve(
    system: PoissonSystem,
    rhs: Tensor,
    solver: str | Solver | Prepared = "multigrid",
    guess: Tensor | None = None,
    rtol: float = 1e-10,
    **options: Any,
) -> Tensor:
    """The pressure of `solvers.solve`, differentiable in rhs and in system.face_weights.

    rhs: the shape of the grid, any float dtype. solver, guess, options: as for `solve`; guess
        gets no gradient.
    rtol: for the system and for the adjoint systems alike: gradients are about as accurate as
        the pressure.
    Returns float64, the shape of the grid: 0 in inactive cells, zero mean on each floating
    component. It has a graph only where rhs or one of the weights requires a gradient.

    With P, which removes the means on floating components, p = P A^+ P b. When g is the gradient
    that reaches p, one more solve with the same setup gives, in the dtypes of the inputs,

        l = P A^+ P g              the gradient of b, 0 in inactive cells,
        -(l_c - l_n) (p_c - p_n)   the gradient of w on the face between cells c and n,

    where l and p are 0 in inactive cells and outside the grid: the adjoint method (Giles 2008,
    Collected matrix derivative results for forward and reverse mode algorithmic differentiation).
    Both are differentiable again, to any order. P is held fixed: opening a wall around a
    floating component counts as though it stayed one (the true pressure jumps there).

    Raises SolveError and ValueError as `solve` does; in a backward pass g stands for the rhs.
    """
    weights = system.face_weights
    if not isinstance(solver, Prepared):
        if any(w.requires_grad for w in weights):
            system = replace(system, face_weights=tuple(w.detach() for w in weights))
        solver, options = prepare(system, solver, **options), {}
    start = guess.detach() if isinstance(guess, Tensor) else guess
    gate = partial(solve, system, solver=solver, rtol=rtol, **options)
    return _Solve.apply(gate, system, rhs, start, *weights)


class _Solve(torch.autograd.Function):
    """Pressure from rhs and weights; its backward pass is made of itself and torch operations."""

    @staticmethod
    def forward(
        ctx: Any,
        gate: Callable[..., Solution],
        system: PoissonSystem,
        rhs: Tensor,
        guess: Tensor | None,
        *weights: Tensor,
    ) -> Tensor:
        pressure = gate(rhs, guess=guess).pressure
        ctx.gate, ctx.system, ctx.dtype = gate, system, rhs.dtype
        ctx.save_for_backward(pressure, *weights)
        return pressure

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        pressure, *weights = ctx.saved_tensors
        _, _, needs_rhs, _, *needs_weights = ctx.needs_input_grad
        system: PoissonSystem = ctx.system
        adjoint = _Solve.apply(ctx.gate, system, grads[0], None, *weights)
        of_weights = [
            _of_weights(adjoint, pressure, system, axis).to(w.dtype) if needed else None
            for axis, (w, needed) in enumerate(zip(weights, needs_weights, strict=True))
        ]
        return None, None, adjoint.to(ctx.dtype) if needs_rhs else None, None, *of_weights


def _of_weights(adjoint: Tensor, pressure: Tensor, system: PoissonSystem, axis: int) -> Tensor:
    """The gradient of the weights of an axis; a periodic one's rims share that of their face."""
    gradient = -system.jump(adjoint, axis) * system.jump(pressure, axis)
    if not system.periodic[axis]:
        return gradient
    share = torch.ones_like(gradient)
    for rim in (0, system.shape[axis]):
        share.select(axis, rim).fill_(0.5)
    return gradient * share
