"""Successive over-relaxation, and conjugate gradients preconditioned by its symmetric form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from solvers import ic
from solvers.engines import check_engine, uses_kernels
from solvers.krylov.matrix_space import solve_preconditioned
from solvers.nullspace import definite_matrix
from solvers.protocol import Outcome
from solvers.row_layout import RowLayout
from solvers.sor.omegas import LEARNERS, OMEGAS, estimate, openness
from solvers.sor.sequence import LearnedRelaxation
from solvers.sor.sweeps import RowSweeps, TorchSweeps, iterate, row_parity
from solvers.system import PoissonSystem


@dataclass(frozen=True, eq=False)
class Rows:
    """Of red-black sweeps on the CPU: the rows of a system, its diagonal, the colours of rows."""

    layout: RowLayout
    diagonal: np.ndarray
    parity: np.ndarray


@dataclass(frozen=True, eq=False)
class State:
    """A system and its diagonal, what sweeps or conjugate gradients need, and what omega does.

    rows: on the CPU. factors: of the symmetric form with omega 1. openness, start: see `omegas`.
    """

    system: PoissonSystem
    diagonal: Tensor
    rows: Rows | None
    factors: ic.State | None
    openness: float
    start: int


@dataclass(frozen=True)
class OverRelaxation:
    """Red-black SOR, or CG with SSOR, whose omega is given or learnt from the systems of a run.

    Parameters
    ----------
    omega : float or {"learned", "contextual"}, default "learned"
        Over-relaxation, between 0 and 2. "learned" in the course of a run from the numbers of
        iterations, "contextual" from these and from how open each system is; outside of a run both
        are what Young's formula gives for a box of the longest side.
    symmetric : bool, default False
        Whether a forward and a backward sweep, in the order of the cells, precondition CG.
    max_iterations : int, default 20000
        Sweeps, or iterations of CG, after which the solver gives up.
    seed : int, default 0
        Of the draws by which omega is learnt.
    engine : {"auto", "numba", "torch"}, default "auto"
        "numba" uses kernels for tensors on the CPU, "torch" works on any device; "auto" takes the
        faster one for the device. Not of the symmetric form, which works on the CPU.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Young (1954), Trans. AMS 76; Axelsson (1972), BIT 12; Khodak, Chow, Balcan & Talwalkar (2024),
    Learning to relax, ICLR.
    """

    name: ClassVar[str] = "sor"
    rescued: ClassVar[bool] = True
    omega: float | str = "learned"
    symmetric: bool = False
    max_iterations: int = 20000
    seed: int = 0
    engine: str = "auto"

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or self.seed < 0:
            raise ValueError("max_iterations must be at least 1 and seed at least 0")
        check_engine(self.engine)
        if self.omega in LEARNERS:
            return
        try:
            object.__setattr__(self, "omega", float(self.omega))
        except ValueError:
            known = ", ".join(LEARNERS)
            raise ValueError(f"omega must be a number or {known}, not {self.omega!r}") from None
        if not 0 < float(self.omega) < 2:
            raise ValueError(f"omega must lie between 0 and 2, not {self.omega}")

    @property
    def given(self) -> float | None:
        """The omega that is given, None where it is learnt."""
        return None if isinstance(self.omega, str) else self.omega

    def sequence(self) -> OverRelaxation | LearnedRelaxation:
        """What learns omega over the systems of a run; the solver itself where it is given."""
        return LearnedRelaxation(self) if isinstance(self.omega, str) else self

    def setup(self, system: PoissonSystem) -> State:
        """Sum up the diagonal; raises ValueError for numba kernels on a device without them."""
        diagonal, rows, factors = system.diagonal(), None, None
        if self.symmetric:
            matrix = definite_matrix(system)
            matrix.sort_indices()
            table = (matrix.indptr, matrix.indices, matrix.data)
            factors = ic.State(system, *table, matrix.diagonal())
        elif uses_kernels(self.engine, system.device):
            layout = RowLayout.of(system)
            flat = diagonal.numpy().reshape(layout.active.shape)
            rows = Rows(layout, flat, row_parity(system.shape))
        is_learnt = self.given is None
        about = openness(system) if is_learnt else 0.0
        start = estimate(system) if is_learnt else 0
        return State(system, diagonal, rows, factors, about, start)

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        omega = float(OMEGAS[state.start]) if self.given is None else self.given
        return self.iterate(state, rhs, guess, rtol, omega, self.max_iterations)

    def iterate(
        self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float, omega: float,
        limit: int,
    ) -> Outcome:  # fmt: skip
        """Iterate with an omega, `limit` times at most."""
        if state.factors is not None:
            factors = ic.State(
                state.system, state.factors.starts, state.factors.columns, state.factors.values,
                state.factors.pivots / omega,
            )  # fmt: skip
            return solve_preconditioned(state.system, factors.precondition, rhs, guess, rtol, limit)
        norm_b = float(torch.linalg.vector_norm(rhs))
        rows, system = state.rows, state.system
        if rows is None:
            sweeps = TorchSweeps(system, state.diagonal, rhs, guess)
        else:
            sweeps = RowSweeps(rows.layout, system.floating, rows.diagonal, rows.parity, rhs, guess)
        iterations, history = iterate(sweeps, norm_b, omega, rtol, limit)
        return Outcome(sweeps.pressure(), iterations, history)
