"""A definite matrix in place of a singular one: a cell of each floating component is pinned."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch

from solvers.system import PoissonSystem


def definite_matrix(system: PoissonSystem) -> sp.csr_matrix:
    """The matrix of `system.to_scipy()`, made positive definite.

    The first cell of each floating component is tied to 0: its diagonal entry is doubled, or set
    to 1 if it is 0. For a right-hand side with zero mean on every floating component the solution
    also solves the original system, with pressure 0 in the tied cells.
    """
    matrix = system.to_scipy()[0].copy()
    tie(matrix, pinned_rows(system))
    return matrix


def pinned_rows(system: PoissonSystem) -> np.ndarray:
    """The rows, ascending, of the first cell of each floating component."""
    if not system.floating.count:
        return np.zeros(0, dtype=np.int64)
    flat = system.active.cpu().reshape(-1).nonzero().reshape(-1)
    return torch.searchsorted(flat, system.floating.pins).numpy()


def tie(matrix: sp.csr_matrix, rows: np.ndarray) -> None:
    """Double the diagonal entries of some rows in place, or set them to 1 where they are 0."""
    if len(rows):
        diagonal = matrix.diagonal()
        diagonal[rows] = np.where(diagonal[rows] > 0, 2 * diagonal[rows], 1.0)
        matrix.setdiag(diagonal)
