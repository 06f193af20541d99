"""Krylov solvers of the PETSc library, in one process or dealt to the ranks of MPI.

Importing this package loads nothing: `solver` and what rests on it need petsc4py.
"""
