"""Krylov solvers of the PETSc library, in one process or dealt to the ranks of MPI.

PETSc itself is loaded when a solver is made.
"""

from solvers.petsc.solver import Petsc

__all__ = ["Petsc"]
