"""The rows of a matrix on the ranks of a communicator, with conjugate gradients on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from solvers.petsc.library import load

_PREFIX = "fluidsim_"  # of the options that the environment's PETSC_OPTIONS may hold for them
_NEVER = 1e-50  # relative tolerance of the library, where the absolute one ends the iteration


class Rows:
    """The rows that this rank holds, the hierarchy of the whole matrix, and CG.

    Every method is called by all ranks of the communicator together.

    Parameters
    ----------
    rows : csr_matrix, float64, (own rows, all rows)
        The rows of this rank, which follow those of the rank before. The whole is symmetric and
        positive definite.
    preconditioner : str
        "gamg" or "hypre".
    max_iterations : int
        Iterations after which `solve` gives up.
    communicator : PETSc.Comm
        The ranks.
    """

    def __init__(
        self, rows: sp.csr_matrix, preconditioner: str, max_iterations: int, communicator: Any
    ) -> None:
        PETSc = load()
        shape: Any = rows.shape
        own, whole = shape
        self.own: int = own
        kind = PETSc.IntType
        csr = rows.indptr.astype(kind), rows.indices.astype(kind), rows.data
        self.matrix = PETSc.Mat().createAIJ(
            ((own, whole), (own, whole)), csr=csr, comm=communicator
        )
        self._krylov = krylov = PETSc.KSP().create(communicator)
        krylov.setType(PETSc.KSP.Type.CG)
        krylov.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
        krylov.getPC().setType(preconditioner)
        krylov.setOptionsPrefix(_PREFIX)
        krylov.setFromOptions()
        self._most = max_iterations
        self._set_up()

    def update(self, rows: sp.csr_matrix) -> None:
        """Take other values in the same places."""
        kind = load().IntType
        self.matrix.setValuesCSR(rows.indptr.astype(kind), rows.indices.astype(kind), rows.data)
        self.matrix.assemble()
        self._krylov.reset()
        self._set_up()

    def _set_up(self) -> None:
        self.matrix.setOption(load().Mat.Option.SPD, True)  # new values put it out of mind
        self._krylov.setOperators(self.matrix)
        self._krylov.setUp()

    def solve(self, b: np.ndarray, target: float) -> tuple[np.ndarray, list[float]]:
        """Iterate from 0 until the norm of the residual b - A x is at most the target.

        Parameters
        ----------
        b : ndarray, float64, (own rows,)
            Right-hand side.
        target : float
            Norm over the rows of all ranks.

        Returns
        -------
        x : ndarray, float64, (own rows,)
            What was reached.
        norms : list of float
            Of the residual before each iteration and after the last, as the recurrence has it.
        """
        solution, right = self.matrix.createVecs()
        right.setArray(b)
        krylov = self._krylov
        krylov.setTolerances(rtol=_NEVER, atol=target, max_it=self._most)
        krylov.setConvergenceHistory(self._most + 1, reset=True)
        krylov.solve(right, solution)
        found = solution.getArray().copy(), [float(norm) for norm in krylov.getConvergenceHistory()]
        solution.destroy()
        right.destroy()
        return found

    def destroy(self) -> None:
        """Free the memory of the matrix and its hierarchy, on all ranks."""
        self._krylov.destroy()
        self.matrix.destroy()


def has(preconditioner: str) -> bool:
    """Whether this build of PETSc comes with a preconditioner of this name."""
    return preconditioner == "gamg" or load().Sys.hasExternalPackage(preconditioner)
