"""Algebraic multigrid as preconditioner of conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pyamg
from torch import Tensor

from solvers.krylov.matrix_space import Preconditioner, solve_preconditioned
from solvers.nullspace import definite_matrix
from solvers.protocol import Outcome
from solvers.system import PoissonSystem

_BUILDERS: dict[str, Callable[..., Any]] = {
    "smoothed_aggregation": partial(pyamg.smoothed_aggregation_solver, symmetry="symmetric"),
    "ruge_stuben": pyamg.ruge_stuben_solver,
}


@dataclass(frozen=True, eq=False)
class State:
    """A system and the V-cycle of its hierarchy."""

    system: PoissonSystem
    precondition: Preconditioner


@dataclass(frozen=True)
class AlgebraicMultigrid:
    """Algebraic multigrid (PyAMG) as preconditioner of CG, on the CPU.

    Parameters
    ----------
    max_iterations : int, default 500
        Iterations after which the solver gives up.
    sweeps : int, default 1
        Symmetric Gauss-Seidel sweeps before and after each coarse correction.
    coarsening : {"smoothed_aggregation", "ruge_stuben"}, default "smoothed_aggregation"
        How coarse levels are chosen.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Bell, Olson, Schroder & Southworth (2023), PyAMG, JOSS 8.
    """

    name: ClassVar[str] = "amg"
    wraps: ClassVar[bool] = True
    max_iterations: int = 500
    sweeps: int = 1
    coarsening: str = "smoothed_aggregation"

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or self.sweeps < 1:
            raise ValueError("max_iterations and sweeps must be at least 1")
        if self.coarsening not in _BUILDERS:
            raise ValueError(
                f"coarsening must be one of {', '.join(_BUILDERS)}, not {self.coarsening}"
            )

    def setup(self, system: PoissonSystem) -> State:
        """Build the hierarchy of the definite matrix.

        With the singular one, small floating components would coarsen to rows of rounding errors.
        """
        smoother = ("gauss_seidel", {"sweep": "symmetric", "iterations": self.sweeps})
        build = _BUILDERS[self.coarsening]
        with _fixed_random_numbers():
            hierarchy = build(
                definite_matrix(system), presmoother=smoother, postsmoother=smoother, max_coarse=100
            )
        cycle = hierarchy.aspreconditioner(cycle="V")
        return State(system, lambda r: cycle @ r)

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        return solve_preconditioned(
            state.system, state.precondition, rhs, guess, rtol, self.max_iterations
        )


@contextmanager
def _fixed_random_numbers() -> Iterator[None]:
    """Make PyAMG reproducible: it estimates spectral radii with NumPy's global random numbers."""
    before = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(before)
