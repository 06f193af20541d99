"""The AMGCL library's algebraic multigrid and CG, through its Python module pyamgcl."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numba
import numpy as np
import pyamgcl  # pyright: ignore[reportMissingImports]
import threadpoolctl
from torch import Tensor

from solvers.krylov import pcg
from solvers.nullspace import definite_matrix
from solvers.protocol import Outcome
from solvers.system import PoissonSystem

COARSENINGS = ("smoothed_aggregation", "ruge_stuben", "aggregation", "smoothed_aggr_emin")
RELAXATIONS = ("spai0", "gauss_seidel", "ilu0", "damped_jacobi", "chebyshev")

# Finds the thread pool of the library, which pyamgcl has just loaded.
_POOLS = threadpoolctl.ThreadpoolController()


@dataclass(frozen=True, eq=False)
class State:
    """A system and the hierarchy of its definite matrix."""

    system: PoissonSystem
    hierarchy: Any


@dataclass(frozen=True)
class Amgcl:
    """Algebraic multigrid of the AMGCL library as preconditioner of its CG, on the CPU.

    Parameters
    ----------
    coarsening : str, default "smoothed_aggregation"
        "smoothed_aggregation", "ruge_stuben", "aggregation" or "smoothed_aggr_emin".
    relaxation : str, default "spai0"
        "spai0", "gauss_seidel", "ilu0", "damped_jacobi" or "chebyshev".
    max_iterations : int, default 500
        Iterations after which the solver gives up.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Demidov (2019), Lobachevskii J. Math. 40; with the library's own defaults.
    """

    name: ClassVar[str] = "amgcl"
    wraps: ClassVar[bool] = True
    coarsening: str = "smoothed_aggregation"
    relaxation: str = "spai0"
    max_iterations: int = 500

    def __post_init__(self) -> None:
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations must be at least 1, not {self.max_iterations}")
        for option, names in (("coarsening", COARSENINGS), ("relaxation", RELAXATIONS)):
            if getattr(self, option) not in names:
                raise ValueError(
                    f"{option} must be one of {', '.join(names)}, not {getattr(self, option)}"
                )

    def setup(self, system: PoissonSystem) -> State:
        """Build the hierarchy of the definite matrix."""
        options = {"coarsening.type": self.coarsening, "relax.type": self.relaxation}
        with _threads():
            return State(system, pyamgcl.amg(definite_matrix(system), options))

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Solve for the correction of the guess (0 when None, or when 0 is the better guess).

        The library reports only the first and the last residual: the history is nan in between.
        """
        matrix, b = state.system.to_scipy()[0], state.system.to_unknowns(rhs)
        x = np.zeros_like(b) if guess is None else state.system.to_unknowns(guess)
        norm_b = float(np.linalg.norm(b))
        residual = b - matrix @ x if guess is not None else b
        norm = float(np.linalg.norm(residual))
        if norm > norm_b:
            x, residual, norm = np.zeros_like(b), b, norm_b
        history, target = [norm / norm_b], pcg.target(norm_b, rtol)
        if norm > target:
            limits = {"type": "cg", "tol": target / norm, "maxiter": self.max_iterations}
            solver = pyamgcl.solver(state.hierarchy, limits)
            with _threads():
                x = x + solver(residual)
            final = float(np.linalg.norm(b - matrix @ x)) / norm_b
            history += [float("nan")] * (solver.iters - 1) + [final]
        return Outcome(state.system.from_unknowns(x), len(history) - 1, history)


def _threads() -> Any:
    """A context in which the library uses as many threads as the kernels of this package."""
    return _POOLS.limit(limits=numba.get_num_threads(), user_api="openmp")
