"""Algebraic multigrid: smoothed aggregation as preconditioner of conjugate gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyamg
import scipy.sparse as sp
from torch import Tensor

from solvers import pcg
from solvers.nullspace import definite_matrix
from solvers.protocol import Outcome
from solvers.system import PoissonSystem


@dataclass(frozen=True, eq=False)
class State:
    """A system, its matrix on the active cells and the multigrid hierarchy (a V-cycle)."""

    system: PoissonSystem
    matrix: sp.csr_matrix
    cycle: Any


@dataclass(frozen=True)
class AlgebraicMultigrid:
    """Smoothed-aggregation algebraic multigrid (PyAMG) as preconditioner of CG, on the CPU.

    max_iterations: steps before giving up.
    sweeps: symmetric Gauss-Seidel sweeps before and after each coarse correction.
    """

    name: ClassVar[str] = "amg"
    max_iterations: int = 500
    sweeps: int = 1

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or self.sweeps < 1:
            raise ValueError("max_iterations and sweeps must be at least 1")

    def setup(self, system: PoissonSystem) -> State:
        """Build the hierarchy.

        Of the definite matrix: on the true one, small floating components would coarsen to rows
        that are zero but for rounding.
        """
        smoother = ("gauss_seidel", {"sweep": "symmetric", "iterations": self.sweeps})
        with _fixed_random_numbers():
            hierarchy = pyamg.smoothed_aggregation_solver(
                definite_matrix(system),
                symmetry="symmetric",
                presmoother=smoother,
                postsmoother=smoother,
                max_coarse=100,
            )
        return State(system, system.to_scipy()[0], hierarchy.aspreconditioner(cycle="V"))

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        space = _MatrixSpace(state, rhs, guess)
        norm_b = float(np.linalg.norm(space.b))
        iterations, history = pcg.iterate(space, norm_b, rtol, self.max_iterations)
        return Outcome(state.system.from_unknowns(space.x), iterations, history)


@contextmanager
def _fixed_random_numbers() -> Iterator[None]:
    """Make PyAMG repeatable: it estimates spectral radii from NumPy's global random numbers."""
    before = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(before)


class _MatrixSpace:
    """The vector work of the loop with a sparse matrix and a V-cycle."""

    def __init__(self, state: State, rhs: Tensor, guess: Tensor | None) -> None:
        self.system, self.matrix, self.cycle = state.system, state.matrix, state.cycle
        self.b = self.system.to_unknowns(rhs)
        self.x = np.zeros_like(self.b) if guess is None else self.system.to_unknowns(guess)

    def start(self) -> tuple[float, float]:
        self.r = self.b - self.matrix @ self.x
        sums = self._precondition()
        self.p = self.z
        return sums

    def product(self) -> float:
        self.q = self.matrix @ self.p
        return float(self.p @ self.q)

    def advance(self, alpha: float) -> tuple[float, float]:
        self.x += alpha * self.p
        self.r -= alpha * self.q
        return self._precondition()

    def turn(self, beta: float) -> None:
        self.p = self.z + beta * self.p

    def remove_means(self) -> None:
        pressure = self.system.from_unknowns(self.x)
        self.x = self.system.to_unknowns(self.system.floating.remove_means(pressure))

    def keep(self) -> None:
        self.kept = self.x.copy()

    def revert(self) -> None:
        self.x = self.kept

    def _precondition(self) -> tuple[float, float]:
        self.z = self.cycle @ self.r
        return float(self.r @ self.z), float(np.linalg.norm(self.r))
