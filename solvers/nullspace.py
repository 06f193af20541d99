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
    if system.floating.count:
        flat = system.active.cpu().reshape(-1).nonzero().reshape(-1)
        rows = torch.searchsorted(flat, system.floating.pins).numpy()
        diagonal = matrix.diagonal()
        diagonal[rows] = np.where(diagonal[rows] > 0, 2 * diagonal[rows], 1.0)
        matrix.setdiag(diagonal)
    return matrix
