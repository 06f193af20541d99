"""The vector work of conjugate gradients with a sparse matrix and any preconditioner."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from torch import Tensor

from solvers.system import PoissonSystem

Preconditioner = Callable[[np.ndarray], np.ndarray]


class MatrixSpace:
    """A `pcg.Workspace` over vectors of unknowns: A as CSR, z = precondition(r)."""

    def __init__(
        self,
        system: PoissonSystem,
        precondition: Preconditioner,
        rhs: Tensor,
        guess: Tensor | None,
    ) -> None:
        self.system, self.precondition = system, precondition
        self.matrix: sp.csr_matrix = system.to_scipy()[0]
        self.b = system.to_unknowns(rhs)
        self.x = np.zeros_like(self.b) if guess is None else system.to_unknowns(guess)

    def start(self) -> tuple[float, float]:
        self.r = self.b - self.matrix @ self.x
        sums = self._apply_preconditioner()
        self.p = self.z
        return sums

    def product(self) -> float:
        self.q = self.matrix @ self.p
        return float(self.p @ self.q)

    def advance(self, alpha: float) -> tuple[float, float]:
        self.x += alpha * self.p
        self.r -= alpha * self.q
        return self._apply_preconditioner()

    def turn(self, beta: float) -> None:
        self.p = self.z + beta * self.p

    def remove_means(self) -> None:
        pressure = self.system.from_unknowns(self.x)
        self.x = self.system.to_unknowns(self.system.floating.remove_means(pressure))

    def keep(self) -> None:
        self.kept = self.x.copy()

    def revert(self) -> None:
        self.x = self.kept

    def _apply_preconditioner(self) -> tuple[float, float]:
        self.z = self.precondition(self.r)
        return float(self.r @ self.z), float(np.linalg.norm(self.r))
