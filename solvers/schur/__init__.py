"""Schwarz-Schur involution: a direct solver for grids by nested boxes and dense fronts.

`Schur` solves pressure systems; `factorize` takes any 5- or 9-point stencil on images.
Source: "Schwarz-Schur Involution: Lightspeed Differentiable Sparse Linear Solvers", ICML 2025.
"""

from solvers.schur.general import Factor, factorize
from solvers.schur.solver import PATCH, Schur

__all__ = ["PATCH", "Factor", "Schur", "factorize"]
