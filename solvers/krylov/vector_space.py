"""The vectors of conjugate gradients as whole-array expressions, on any device."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

Operator = Callable[[Any], Any]


class VectorSpace:
    """A `pcg.Workspace` of torch tensors; `MatrixSpace` makes it one of NumPy arrays.

    apply: the product with A. precondition: z = M^-1 r, symmetric and positive.
    b, x: right-hand side and first guess, of the same shape; x is overwritten.
    remove_means: frees x of constants on floating components.
    target: norm of the residual at which the loop ends, so that z is no longer needed.
    """

    def __init__(
        self,
        apply: Operator,
        precondition: Operator,
        b: Any,
        x: Any,
        remove_means: Operator,
        target: float = 0.0,
    ) -> None:
        self.apply, self.precondition = apply, precondition
        self.b, self.x = b, x
        self._remove_means, self.target = remove_means, target

    def start(self) -> tuple[float, float]:
        self.r = self.b - self.apply(self.x)
        self.z = self.r
        sums = self.preconditioned()
        self.p = self.z
        return sums

    def product(self) -> float:
        self.q = self.apply(self.p)
        return self.dot(self.p, self.q)

    def advance(self, alpha: float) -> tuple[float, float]:
        self.x += alpha * self.p
        self.r -= alpha * self.q
        return self.preconditioned()

    def turn(self, beta: float) -> None:
        self.p = self.z + beta * self.p

    def remove_means(self) -> None:
        self.x = self._remove_means(self.x)

    def keep(self) -> None:
        self.kept = deepcopy(self.x)

    def revert(self) -> None:
        self.x = self.kept

    def dot(self, a: Any, b: Any) -> float:
        """The inner product of two vectors."""
        return float((a * b).sum())

    def norm(self, a: Any) -> float:
        """The Euclidean norm of a vector."""
        return float(torch.linalg.vector_norm(a))

    def preconditioned(self) -> tuple[float, float]:
        """z = M^-1 r unless the loop ends here; returns (r, z) and the norm of r."""
        norm = self.norm(self.r)
        if norm <= self.target:
            return 0.0, norm
        self.z = self.precondition(self.r)
        return self.dot(self.r, self.z), norm


def first_guess(rhs: Tensor, guess: Tensor | None) -> Tensor:
    """A copy of the guess, zeros like rhs if it is None."""
    return torch.zeros_like(rhs) if guess is None else guess.clone()
