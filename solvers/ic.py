"""Conjugate gradients with modified incomplete Cholesky factorisation, MIC(0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numba
import numpy as np
from torch import Tensor

from solvers import kernel_cache  # noqa: F401
from solvers.krylov.matrix_space import solve_preconditioned
from solvers.nullspace import definite_matrix
from solvers.protocol import Outcome
from solvers.system import PoissonSystem


@dataclass(frozen=True, eq=False)
class State:
    """A system, its definite matrix (CSR, sorted) and the pivots of the factorisation."""

    system: PoissonSystem
    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    pivots: np.ndarray

    def precondition(self, r: np.ndarray) -> np.ndarray:
        """z with (D + L) D^-1 (D + L)^T z = r."""
        return _substitute(self.starts, self.columns, self.values, self.pivots, r)


@dataclass(frozen=True)
class IncompleteCholesky:
    """CG with modified incomplete Cholesky, MIC(0); one thread, the classic of liquid solvers.

    Parameters
    ----------
    max_iterations : int, default 2000
        Iterations after which the solver gives up.
    modification : float, default 0.97
        Fraction of the dropped fill-in that is added to the diagonal, from 0 (plain IC) to 1.
    safety : float, default 0.25
        A pivot smaller than this fraction of its diagonal entry is replaced by the entry.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Gustafsson (1978), A class of first order factorization methods, BIT 18. Bridson (2015), Fluid
    Simulation for Computer Graphics, section 5.3, with its constants.
    """

    name: ClassVar[str] = "ic"
    wraps: ClassVar[bool] = True
    max_iterations: int = 2000
    modification: float = 0.97
    safety: float = 0.25

    def __post_init__(self) -> None:
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations must be at least 1, not {self.max_iterations}")
        if not (0 <= self.modification <= 1 and 0 < self.safety < 1):
            raise ValueError("modification must lie in 0..1 and safety between 0 and 1")

    def setup(self, system: PoissonSystem) -> State:
        """Factor the definite matrix in the order of the cells."""
        matrix = definite_matrix(system)
        matrix.sort_indices()
        table = (matrix.indptr, matrix.indices, matrix.data)
        return State(system, *table, _pivots(*table, self.modification, self.safety))

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        return solve_preconditioned(
            state.system, state.precondition, rhs, guess, rtol, self.max_iterations
        )


@numba.njit(cache=True)
def _pivots(starts, columns, values, modification, safety):
    """D of the factorisation (D + L) D^-1 (D + L)^T, whose row sums approximate those of A."""
    count = len(starts) - 1
    pivots = np.empty(count)
    above = np.zeros(count)  # sum of each row right of the diagonal
    diagonal = np.empty(count)
    for i in range(count):
        for e in range(starts[i], starts[i + 1]):
            if columns[e] == i:
                diagonal[i] = values[e]
            elif columns[e] > i:
                above[i] += values[e]
    for i in range(count):
        pivot = diagonal[i]
        for e in range(starts[i], starts[i + 1]):
            k = columns[e]
            if k < i:
                a = values[e]
                pivot -= a * (a + modification * (above[k] - a)) / pivots[k]
        pivots[i] = pivot if pivot >= safety * diagonal[i] else diagonal[i]
    return pivots


@numba.njit(cache=True)
def _substitute(starts, columns, values, pivots, r):
    """Forward and backward substitution."""
    z = np.empty_like(r)
    for i in range(len(r)):
        total = r[i]
        for e in range(starts[i], starts[i + 1]):
            if columns[e] < i:
                total -= values[e] * z[columns[e]]
        z[i] = total / pivots[i]
    for i in range(len(r) - 1, -1, -1):
        total = 0.0
        for e in range(starts[i], starts[i + 1]):
            if columns[e] > i:
                total += values[e] * z[columns[e]]
        z[i] -= total / pivots[i]
    return z
