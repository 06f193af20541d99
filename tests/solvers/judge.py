"""A judge of pressures that shares nothing with the program: by SciPy, part by part."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg
from torch import Tensor

from solvers import PoissonSystem
from solvers.nullspace import definite_matrix


def parts(system: PoissonSystem) -> list[np.ndarray]:
    """The unknowns of each floating component, and of the rest."""
    labels = system.to_unknowns(system.floating.labels)
    chosen = [labels == label for label in range(-1, system.floating.count)]
    return [part for part in chosen if part.any()]


def independent_residual(system: PoissonSystem, rhs: Tensor, pressure: Tensor) -> float:
    """||b - A p|| / ||b|| by the sparse matrix, the largest over all parts."""
    b, p = system.to_unknowns(rhs).astype(float), system.to_unknowns(pressure)
    left = b - system.to_scipy()[0] @ p
    worst, floats = 0.0, system.to_unknowns(system.floating.labels) >= 0
    for part in parts(system):
        mean = b[part].mean() if floats[part].all() else 0.0
        norm = np.linalg.norm(b[part] - mean)
        if norm > 1e-14 * np.linalg.norm(b[part]):
            worst = max(worst, float(np.linalg.norm(left[part] - mean) / norm))
    return worst


def attainable(system: PoissonSystem, rhs: Tensor) -> float:
    """The residual of a solution refined in extended precision, then rounded to float64.

    inf where float64 factors are too poor to refine with.
    """
    matrix = definite_matrix(system)
    scale = 1.0 / np.sqrt(matrix.diagonal())
    scaled = (sp.diags(scale) @ matrix @ sp.diags(scale)).tocsc()
    try:
        options = {"diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
        factor = scipy.sparse.linalg.splu(scaled, **options)
    except RuntimeError:
        return math.inf
    b = system.to_unknowns(system.floating.remove_means(rhs * system.active)).astype(np.longdouble)
    coordinates = system.to_scipy()[0].tocoo()
    x, best = np.zeros_like(b), math.inf
    for _ in range(8):
        left = b.copy()
        np.subtract.at(left, coordinates.row, coordinates.data * x[coordinates.col])
        x = x + scale * factor.solve((scale * left).astype(float))
        for part in parts(system)[-system.floating.count :] if system.floating.count else []:
            x[part] -= x[part].mean()
        rounded = system.from_unknowns(x.astype(float))
        best = min(best, independent_residual(system, rhs, rounded))
    return best
