"""Residuals to learn from that no network has made: random combinations of Ritz vectors.

Kaneda et al. (2023), A Deep Conjugate Direction Method for Iteratively Solving Linear Systems,
ICML, section 6: solves leave slow modes, which random vectors hardly contain.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from solvers.npsdo.descent import ScaledOperator

STEPS = 80  # of Lanczos' method
# A coefficient is a random number times the Ritz value to a power between these.
_STEEPEST, _FLATTEST = -0.5, 0.75
_LEAST = 1e-6  # of the largest Ritz value: less is that of a constant


def ritz_pairs(operator: ScaledOperator, start: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Ritz values (m,) and vectors (m, *shape) of B after `steps` products with it, m <= steps.

    start: float64 (*shape), 0 in inactive cells. Each vector of the Krylov space is made orthogonal
    to all before it, twice.
    """
    basis = [start / torch.linalg.vector_norm(start)]
    products: list[Tensor] = []
    while len(products) < steps:
        q = operator.product(basis[-1][None])[0]
        products.append(q)
        kept = torch.stack(basis).flatten(1)
        r = q.flatten()
        for _ in range(2):
            r = r - kept.T @ (kept @ r)
        norm = torch.linalg.vector_norm(r)
        if norm <= 1e-10 * torch.linalg.vector_norm(q):
            break
        basis.append((r / norm).reshape(start.shape))
    rows = torch.stack(basis[: len(products)])
    small = rows.flatten(1) @ torch.stack(products).flatten(1).T
    values, turned = torch.linalg.eigh(0.5 * (small + small.T))
    return values, torch.tensordot(turned.T, rows, 1)


def draw(
    operator: ScaledOperator, start: Tensor, random: np.random.Generator, count: int
) -> tuple[Tensor, Tensor]:
    """Residuals B e of norm 1 and their errors e, float32 (count, *shape).

    start: as for `ritz_pairs`.
    """
    values, vectors = ritz_pairs(operator, start, STEPS)
    kept = values > _LEAST * values.max()
    values, vectors = values[kept], vectors[kept]
    powers = torch.from_numpy(random.uniform(_STEEPEST, _FLATTEST, (count, 1)))
    noise = torch.from_numpy(random.standard_normal((count, len(values))))
    e = torch.tensordot(noise * values**powers / values, vectors, 1)
    r = operator.product(e)
    norm = torch.linalg.vector_norm(r.flatten(1), dim=1).reshape(-1, *[1] * start.ndim)
    return (r / norm).float(), (e / norm).float()
