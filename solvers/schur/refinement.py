"""Refinement to a tolerance: one solve with a factor, then CG with the factor as preconditioner."""

from __future__ import annotations

import torch
from torch import Tensor

from solvers.floating import FloatingComponents
from solvers.krylov import pcg
from solvers.krylov.vector_space import Operator, VectorSpace


def refine(
    matrix: Operator,
    factor: Operator,
    floating: FloatingComponents,
    rhs: Tensor,
    rtol: float,
    max_iterations: int,
) -> tuple[Tensor, int, list[float]]:
    """Solve matrix(x) = rhs to the true relative residual rtol, if it can be reached.

    factor: applies an approximate inverse of the matrix, symmetric and positive. With a good one a
        step of CG amounts to a step of iterative refinement; a poor one needs more steps.
    Returns x, the number of solves with the factor, and the relative residual norms after 0, 1, ...
    of them.
    """
    norm_b = float(torch.linalg.vector_norm(rhs))
    target = pcg.target(norm_b, rtol)
    space = VectorSpace(matrix, factor, rhs, factor(rhs), floating.remove_means, target)
    iterations, history = pcg.iterate(space, norm_b, rtol, max_iterations)
    return space.x, 1 + iterations, [1.0, *history]
