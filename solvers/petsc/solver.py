"""The PETSc library's conjugate gradients with algebraic multigrid, in one process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from solvers.krylov import pcg
from solvers.nullspace import definite_matrix
from solvers.petsc.library import load
from solvers.petsc.rows import Rows, has
from solvers.protocol import Outcome
from solvers.system import PoissonSystem

PRECONDITIONERS = ("gamg", "hypre")


@dataclass(frozen=True, eq=False)
class State:
    """A system and the rows of its definite matrix."""

    system: PoissonSystem
    rows: Any


@dataclass(frozen=True)
class Petsc:
    """CG with algebraic multigrid of the PETSc library, on the CPU.

    In the sequence of a run the matrix is assembled once, and only its values are set anew while
    the mask and the closed faces stay.

    Parameters
    ----------
    preconditioner : {"gamg", "hypre"}, default "gamg"
        "gamg" is PETSc's own smoothed aggregation, "hypre" the BoomerAMG of a build that has it.
    max_iterations : int, default 500
        Iterations after which the solver gives up.

    Raises
    ------
    ValueError
        If an option is out of range, or this build of PETSc has no such preconditioner.

    References
    ----------
    Balay et al., PETSc users manual, ANL-21/39. Adams, Bayraktar, Keyes & Papadopoulos (2004),
    Ultrascalable implicit finite element analyses in solid mechanics, on which GAMG rests.
    """

    name: ClassVar[str] = "petsc"
    wraps: ClassVar[bool] = True
    preconditioner: str = "gamg"
    max_iterations: int = 500

    def __post_init__(self) -> None:
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations must be at least 1, not {self.max_iterations}")
        if self.preconditioner not in PRECONDITIONERS:
            names = ", ".join(PRECONDITIONERS)
            raise ValueError(f"preconditioner must be one of {names}, not {self.preconditioner}")
        if not has(self.preconditioner):
            raise ValueError(f"this build of PETSc has no {self.preconditioner}; use gamg")

    def setup(self, system: PoissonSystem) -> State:
        """Assemble the definite matrix and build its hierarchy."""
        return State(system, self._rows(system))

    def sequence(self) -> KeptRows:
        """A solver for the systems of one run."""
        return KeptRows(self)

    def renewed(self, state: State | None, system: PoissonSystem) -> State:
        """As `setup`, with the matrix of an earlier state if its entries have the same places.

        The earlier state is then no more.
        """
        if state is None:
            return self.setup(system)
        if not is_alike(state.system, system):
            self._free(state.rows)
            return self.setup(system)
        self._update(state.rows, system)
        return State(system, state.rows)

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Solve for the correction of the guess (0 when None, or when 0 is the better guess)."""
        system = state.system
        start, residual = torch.zeros_like(rhs), rhs
        if guess is not None:
            left = rhs - system.apply(guess)
            if torch.linalg.vector_norm(left) < torch.linalg.vector_norm(rhs):
                start, residual = guess, left
        b = system.to_unknowns(residual)
        norm_b = float(torch.linalg.vector_norm(rhs))
        target, norms = pcg.target(norm_b, rtol), [float(np.linalg.norm(b))]
        if norms[0] <= target:
            return Outcome(start, 0, [norms[0] / norm_b])
        x, norms = self._iterate(state.rows, b, target)
        history = [norm / norm_b for norm in norms]
        return Outcome(start + system.from_unknowns(x), len(history) - 1, history)

    def _rows(self, system: PoissonSystem) -> Any:
        whole = definite_matrix(system)
        return Rows(whole, self.preconditioner, self.max_iterations, load().COMM_SELF)

    def _free(self, rows: Any) -> None:
        rows.destroy()

    def _update(self, rows: Any, system: PoissonSystem) -> None:
        rows.update(definite_matrix(system))

    def _iterate(self, rows: Any, b: np.ndarray, target: float) -> tuple[np.ndarray, list[float]]:
        return rows.solve(b, target)


class KeptRows:
    """A `solvers.sequence.Sequence`: `Petsc` that sets the values of its last matrix anew.

    Its answers are those of `Petsc`, bit for bit, so there is nothing to remember.
    """

    name, wraps = Petsc.name, Petsc.wraps

    def __init__(self, options: Petsc) -> None:
        self.options = options
        self._state: State | None = None

    def setup(self, system: PoissonSystem) -> State:
        """As `Petsc.setup`; states of earlier systems are no more."""
        self._state = self.options.renewed(self._state, system)
        return self._state

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """As `Petsc.solve`."""
        return self.options.solve(state, rhs, guess, rtol)

    def memory(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Nothing to recall."""


def is_alike(first: PoissonSystem, second: PoissonSystem) -> bool:
    """Whether the matrices of two systems have their entries in the same places."""
    return (
        first.periodic == second.periodic
        and torch.equal(first.active, second.active)
        and all(
            torch.equal(a != 0, b != 0)
            for a, b in zip(first.face_weights, second.face_weights, strict=True)
        )
    )
