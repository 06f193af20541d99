"""Sparse direct factorisation of the whole system, with iterative refinement."""

from __future__ import annotations

import importlib
import importlib.util
import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg
from torch import Tensor

from solvers.nullspace import definite_matrix
from solvers.protocol import Outcome
from solvers.system import PoissonSystem

# Packages of the optional backends, best first.
_PACKAGES = {"pardiso": "pypardiso", "cholmod": "sksparse"}
BACKENDS = ("auto", "superlu", *_PACKAGES)
_MAX_SOLVES = 6
# Refinement ends after a step that has not at least halved the residual.
_PROGRESS = 0.5
# Relative residual that a float64 factor reaches, whatever tolerance is asked for.
_TOLERANCE = 1e-12

Factor = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class State:
    """A system, its matrix on the active cells and the factored definite matrix.

    factor: None where the matrix could not be factored. notes: which library failed, and why.
    """

    system: PoissonSystem
    matrix: sp.csr_matrix
    factor: Factor | None
    notes: str = ""


@dataclass(frozen=True)
class Direct:
    """Sparse factorisation (SuperLU, PARDISO or CHOLMOD) with refinement, on the CPU.

    Parameters
    ----------
    backend : {"auto", "superlu", "pardiso", "cholmod"}, default "auto"
        "superlu" is part of SciPy; "pardiso" and "cholmod" need optional packages and are several
        times faster; "auto" takes the best that is installed.

    Raises
    ------
    ValueError
        If the backend is unknown or not installed.

    References
    ----------
    SuperLU (in SciPy), oneMKL PARDISO, CHOLMOD (SuiteSparse).
    """

    name: ClassVar[str] = "direct"
    wraps: ClassVar[bool] = True
    backend: str = "auto"

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, not {self.backend}")
        if self.backend in _PACKAGES and not is_installed(self.backend):
            raise ValueError(
                f"backend {self.backend} is not installed: "
                f'pip install "fluidsim-lab[{self.backend}]"'
            )

    @property
    def chosen_backend(self) -> str:
        """The backend that will be used."""
        installed = [name for name in _PACKAGES if is_installed(name)]
        return self.backend if self.backend != "auto" else (*installed, "superlu")[0]

    def setup(self, system: PoissonSystem) -> State:
        """Factor the definite matrix; with "auto", SuperLU takes over from a library that fails."""
        definite, matrix, notes = definite_matrix(system), system.to_scipy()[0], []
        chosen = self.chosen_backend
        for backend in dict.fromkeys((chosen, "superlu" if self.backend == "auto" else chosen)):
            try:
                factor = _FACTORISATIONS[backend](definite)
                return State(system, matrix, factor, "; ".join(notes))
            except MemoryError:
                raise
            except Exception as error:  # each library has errors of its own
                notes.append(_failure(backend, error))
        return State(system, matrix, None, "; ".join(notes))

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Solve, then refine to a relative residual of 1e-12, or rtol if smaller, while that helps.

        The iterations of the outcome are solves with the factor; the guess is not used.
        """
        b = state.system.to_unknowns(rhs)
        norm_b = float(np.linalg.norm(b))
        x, r, history, notes = np.zeros_like(b), b, [1.0], state.notes
        if state.factor is None:
            return Outcome(state.system.from_unknowns(x), 0, history, notes)
        while history[-1] > min(rtol, _TOLERANCE) and len(history) <= _MAX_SOLVES:
            try:
                candidate = x + state.factor(r)
            except Exception as error:  # as in `setup`
                notes = "; ".join(filter(None, (notes, _failure(self.chosen_backend, error))))
                break
            r = b - state.matrix @ candidate
            residual = float(np.linalg.norm(r)) / norm_b
            if len(history) > 1 and not residual < history[-1]:
                break
            x = candidate
            history.append(residual)
            if not residual <= _PROGRESS * history[-2]:
                break
        return Outcome(state.system.from_unknowns(x), len(history) - 1, history, notes)


def _failure(backend: str, error: Exception) -> str:
    return f"{backend} failed: {' '.join(str(error).split()) or type(error).__name__}"


def is_installed(backend: str) -> bool:
    """Whether the package of an optional backend can be imported."""
    return importlib.util.find_spec(_PACKAGES[backend]) is not None


def _superlu(matrix: sp.csr_matrix) -> Factor:
    # Symmetric mode with diagonal pivots: the matrix is positive definite.
    options = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0}
    factor = scipy.sparse.linalg.splu(matrix.tocsc(), **options, options={"SymmetricMode": True})
    return factor.solve


def _pardiso(matrix: sp.csr_matrix) -> Factor:
    pypardiso = importlib.import_module("pypardiso")
    # Type 2 is symmetric positive definite, given by its upper triangle.
    solver = pypardiso.PyPardisoSolver(mtype=2)
    # Spares later solvers the search for the library, which takes a quarter of a second.
    os.environ.setdefault("PYPARDISO_MKL_RT", solver.libmkl._name)
    triangle = sp.csr_matrix(sp.triu(matrix))
    solver.factorize(triangle)

    def factor(b: np.ndarray) -> np.ndarray:
        return solver.solve(triangle, b)

    # The factor lies outside the memory that Python manages and must be released explicitly.
    weakref.finalize(factor, solver.free_memory, everything=True)
    return factor


def _cholmod(matrix: sp.csr_matrix) -> Factor:
    return importlib.import_module("sksparse.cholmod").cholesky(matrix.tocsc())


_FACTORISATIONS: dict[str, Callable[[sp.csr_matrix], Factor]] = {
    "superlu": _superlu,
    "pardiso": _pardiso,
    "cholmod": _cholmod,
}
