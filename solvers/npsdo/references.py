"""Solutions of problems, from which a network that guesses pressures learns, and its errors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from solvers.npsdo.data import Problem
from solvers.npsdo.descent import ScaledOperator
from solvers.npsdo.mgno import improved
from solvers.npsdo.preconditioner import Preconditioner
from solvers.npsdo.vcycles import MultigridNetwork
from solvers.solve import prepare, solve

_RTOL = 1e-6  # float32 knows no more


def solved(problem: Problem, operator: ScaledOperator) -> tuple[Tensor, Tensor]:
    """Right-hand sides S b of norm 1 and their solutions B^-1 S b, float32 (batch, *shape).

    By `multigrid`: a handful of iterations each, fewer than recycling would take in any order.
    Raises SolveError if it fails.
    """
    prepared = prepare(problem.system, "multigrid")
    inverse = torch.where(operator.scale > 0, 1.0 / operator.scale, 0.0)
    residuals, errors = [], []
    for b in problem.rhs:
        r = operator.scale * b
        norm = torch.linalg.vector_norm(r)
        p = solve(problem.system, b, prepared, rtol=_RTOL).pressure
        residuals.append((r / norm).float())
        errors.append((inverse * p / norm).float())
    return torch.stack(residuals), torch.stack(errors)


def percent_left(problem: Problem, network: MultigridNetwork) -> int:
    """The error in the A-norm that the network's guess leaves, in per cent of the solution's.

    The largest over the right-hand sides.
    """
    system, most = problem.system, 0.0
    precondition = Preconditioner(system, network)
    for b in problem.rhs:
        p = solve(system, b, "multigrid", rtol=_RTOL).pressure
        guess, _, _ = improved(system, precondition, b, None)
        missing = p if guess is None else p - guess
        square = (missing * system.apply(missing)).sum() / (p * b).sum()
        most = max(most, math.sqrt(max(0.0, float(square))))
    return round(100 * most)
