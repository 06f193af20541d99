"""The pressure as a differentiable torch function of right-hand side and face weights."""

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
    """Solve for the pressure, differentiably in rhs and in system.face_weights.

    Parameters
    ----------
    system : PoissonSystem
        The system; its weights may require gradients.
    rhs : Tensor, any float dtype, shape of the grid
        Right-hand side, as for `solve`; it may require a gradient.
    solver : str, Solver or Prepared, default "multigrid"
        As for `solve`. A prepared one may be that of the same system with weights that are not
        recorded.
    guess : Tensor, shape of the grid, optional
        As for `solve`; it receives no gradient.
    rtol : float, default 1e-10
        Relative residual to reach, of the system and of the adjoint systems: gradients are about
        as accurate as the pressure.
    **options
        Options of a solver given by name.

    Returns
    -------
    Tensor, float64, shape of the grid
        Pressure in Pa: 0 in inactive cells, zero mean on each floating component. It has a graph
        only if rhs or one of the weights requires a gradient.

    Raises
    ------
    SolveError, ValueError, MemoryError
        As `solve` does. The backward pass solves too, with the incoming gradient as right-hand
        side, and can raise the same errors.

    Notes
    -----
    Let P be the projection that removes the means on floating components, so that p = P A^+ P b.
    If g is the gradient with respect to p, one more solve with the same setup gives, in the dtypes
    of the inputs,

        l = P A^+ P g              the gradient with respect to b, 0 in inactive cells,
        -(l_c - l_n) (p_c - p_n)   that with respect to w on the face between cells c and n,

    where l and p are 0 in inactive cells and outside the grid. Both can be differentiated again, to
    any order. P is held fixed: the gradient with respect to a wall around a floating component
    ignores that opening the wall would end the floating, where the true pressure jumps.

    References
    ----------
    Giles (2008), Collected matrix derivative results for forward and reverse mode algorithmic
    differentiation.
    """
    return differentiable_solution(system, rhs, solver, guess, rtol, **options).pressure


def differentiable_solution(
    system: PoissonSystem,
    rhs: Tensor,
    solver: str | Solver | Prepared = "multigrid",
    guess: Tensor | None = None,
    rtol: float = 1e-10,
    **options: Any,
) -> Solution:
    """As `differentiable_solve`, with all that `solve` says of the solution."""
    weights = system.face_weights
    if not isinstance(solver, Prepared):
        if any(w.requires_grad for w in weights):
            system = replace(system, face_weights=tuple(w.detach() for w in weights))
        solver, options = prepare(system, solver, **options), {}
    elif any(w.requires_grad for w in weights) and _are_same(system, solver.system):
        system = solver.system
    start = guess.detach() if isinstance(guess, Tensor) else guess
    gate = partial(solve, system, solver=solver, rtol=rtol, **options)
    pressure, solution = _Solve.apply(gate, system, rhs, start, *weights)
    return replace(solution, pressure=pressure)


def _are_same(system: PoissonSystem, other: PoissonSystem) -> bool:
    """Whether two systems have the same numbers."""
    pairs = zip(
        (*system.face_weights, system.active), (*other.face_weights, other.active), strict=True
    )
    return system.periodic == other.periodic and all(torch.equal(*pair) for pair in pairs)


class _Solve(torch.autograd.Function):
    """Pressure from rhs and weights; its backward pass consists of itself and torch operations."""

    @staticmethod
    def forward(
        ctx: Any,
        gate: Callable[..., Solution],
        system: PoissonSystem,
        rhs: Tensor,
        guess: Tensor | None,
        *weights: Tensor,
    ) -> tuple[Tensor, Solution]:
        solution = gate(rhs, guess=guess)
        ctx.gate, ctx.system, ctx.dtype = gate, system, rhs.dtype
        ctx.save_for_backward(solution.pressure, *weights)
        return solution.pressure, solution

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        pressure, *weights = ctx.saved_tensors
        _, _, needs_rhs, _, *needs_weights = ctx.needs_input_grad
        system: PoissonSystem = ctx.system
        adjoint, _ = _Solve.apply(ctx.gate, system, grads[0], None, *weights)
        of_weights = [
            _of_weights(adjoint, pressure, system, axis).to(w.dtype) if needed else None
            for axis, (w, needed) in enumerate(zip(weights, needs_weights, strict=True))
        ]
        return None, None, adjoint.to(ctx.dtype) if needs_rhs else None, None, *of_weights


def _of_weights(adjoint: Tensor, pressure: Tensor, system: PoissonSystem, axis: int) -> Tensor:
    """The gradient of an axis' weights; on a periodic axis both rims share that of their face."""
    gradient = -system.jump(adjoint, axis) * system.jump(pressure, axis)
    if not system.periodic[axis]:
        return gradient
    share = torch.ones_like(gradient)
    for rim in (0, system.shape[axis]):
        share.select(axis, rim).fill_(0.5)
    return gradient * share
