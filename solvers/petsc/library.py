"""PETSc with real numbers in double precision, loaded once."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import numpy as np

# PETSc leaves signals to the program: an interrupted run writes its checkpoint.
_ARGUMENTS = ["fluidsim", "-no_signal_handler"]


@functools.cache
def load() -> Any:
    """The module petsc4py.PETSc.

    Raises
    ------
    ValueError
        With one line, if it cannot be loaded or is not of real numbers in double precision.
    """
    try:
        if importlib.util.find_spec("dolfinx_solver") is not None:
            import dolfinx_solver  # noqa: F401  # pyright: ignore[reportMissingImports]  # its MPI
        import petsc4py  # pyright: ignore[reportMissingImports]

        petsc4py.init(_ARGUMENTS)
        from petsc4py import PETSc  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ValueError(f"PETSc cannot be loaded: {error}") from error
    kind = np.dtype(PETSc.ScalarType)
    if kind != np.float64:
        raise ValueError(f"this build of PETSc has numbers of type {kind}, not float64")
    return PETSc
