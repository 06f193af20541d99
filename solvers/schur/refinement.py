"""Refinement to a tolerance: one solve with a factor, then CG with it as preconditioner."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from solvers import pcg
from solvers.nullspace import FloatingComponents

Operator = Callable[[Tensor], Tensor]


def refine(
    matrix: Operator,
    factor: Operator,
    floating: FloatingComponents,
    rhs: Tensor,
    rtol: float,
    max_iterations: int,
) -> tuple[Tensor, int, list[float]]:
    """Solve matrix(x) = rhs to the true relative residual rtol, if that can be reached.

    factor: applies an approximate inverse of the matrix, symmetric and positive. If it is good, a
        step of CG is no more than a step of iterative refinement; a poor one costs more steps.
    Returns x, the solves with the factor and the relative residual norms after 0, 1, ... of them.
    """
    norm_b = float(torch.linalg.vector_norm(rhs))
    space = _Space(matrix, factor, floating, rhs, pcg.target(norm_b, rtol))
    iterations, history = pcg.iterate(space, norm_b, rtol, max_iterations)
    return space.x, 1 + iterations, [1.0, *history]


class _Space:
    """The vector work of the loop; z is not computed for a residual at the target."""

    def __init__(
        self,
        matrix: Operator,
        factor: Operator,
        floating: FloatingComponents,
        rhs: Tensor,
        target: float,
    ) -> None:
        self.matrix, self.factor, self.floating = matrix, factor, floating
        self.b, self.target = rhs, target
        self.x = factor(rhs)
        self.is_known = False

    def start(self) -> tuple[float, float]:
        if not self.is_known:
            self.r = self.b - self.matrix(self.x)
            self.is_known = True
        sums = self._precondition()
        self.p = self.z
        return sums

    def product(self) -> float:
        self.q = self.matrix(self.p)
        return float((self.p * self.q).sum())

    def advance(self, alpha: float) -> tuple[float, float]:
        self.x = self.x + alpha * self.p
        self.r = self.r - alpha * self.q
        self.is_known = False
        return self._precondition()

    def turn(self, beta: float) -> None:
        self.p = self.z + beta * self.p

    def remove_means(self) -> None:
        self.x = self.floating.remove_means(self.x)
        self.is_known = False

    def keep(self) -> None:
        self.kept = self.x

    def revert(self) -> None:
        self.x = self.kept
        self.is_known = False

    def _precondition(self) -> tuple[float, float]:
        norm = float(torch.linalg.vector_norm(self.r))
        self.z = self.r if norm <= self.target else self.factor(self.r)
        return float((self.r * self.z).sum()), norm
