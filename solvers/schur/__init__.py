"""Schwarz-Schur involution: a direct solver for grids by nested boxes and dense fronts.

`Schur` solves pressure systems; `factorize` takes any 5- or 9-point stencil on images.
Source: "Schwarz-Schur Involution: Lightspeed Differentiable Sparse Linear Solvers", ICML 2025.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from solvers.cg import ENGINES
from solvers.protocol import Outcome
from solvers.rows import RowLayout
from solvers.schur.batched import BatchedCholesky
from solvers.schur.cholesky import CholeskyFactor
from solvers.schur.coefficients import definite_coefficients
from solvers.schur.general import Factor, factorize
from solvers.schur.refinement import refine
from solvers.schur.tree import build, faces
from solvers.system import PoissonSystem

__all__ = ["Factor", "Schur", "factorize"]

PRECISIONS = {"float64": torch.float64, "float32": torch.float32}
# Side of the smallest boxes.
PATCH = 4
# What a factorisation in float64 delivers whatever tolerance is asked.
_TOLERANCE = 1e-12
_MAX_ITERATIONS = 50


class State:
    """A system and its factor."""

    def __init__(self, system: PoissonSystem, use_kernels: bool, precision: str) -> None:
        self.system = system
        self.layout = RowLayout.of(system) if use_kernels else None
        self.factorize(PRECISIONS[precision])
        if self.factor.doubtful and precision == "float32":
            self.factorize(torch.float64)

    def factorize(self, dtype: torch.dtype) -> None:
        """Factor the system in this precision."""
        tree = build(self.system.shape, PATCH, faces(self.system.dim))
        kind = BatchedCholesky if self.layout is None else CholeskyFactor
        self.factor = kind.of(tree, definite_coefficients(self.system, tree), dtype)
        self.dtype = dtype

    def refine(self, rhs: Tensor, rtol: float) -> tuple[Tensor, int, list[float]]:
        """Solution, iterations and history of residuals."""
        goal = min(rtol, _TOLERANCE) if self.dtype == torch.float64 else rtol
        floating = self.system.floating
        return refine(self.apply, self.factor.solve, floating, rhs, goal, _MAX_ITERATIONS)

    def apply(self, p: Tensor) -> Tensor:
        """A p."""
        if self.layout is None:
            return self.system.apply(p)
        result = self.layout.zeros()
        self.layout.product(self.layout.padded(p), result)
        return torch.from_numpy(result.reshape(self.layout.shape))


@dataclass(frozen=True)
class Schur:
    """Sparse Cholesky by nested boxes: direct, exact, in 2D and 3D; memory grows as n^4 in 3D.

    Inactive cells are left out, and boxes with the same coefficients are eliminated once.

    precision: of the factor. "float32" halves its memory; each solve is refined in float64 to the
        tolerance. Where float32 is not enough, the factor is made anew in float64.
    engine: "numba" (kernels for tensors on the CPU), "torch" (any device), or "auto": the
        fastest for the device.
    """

    name: ClassVar[str] = "schur"
    precision: str = "float64"
    engine: str = "auto"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise ValueError(f"precision must be one of {known}, not {self.precision}")
        if self.engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {self.engine}")

    def setup(self, system: PoissonSystem) -> State:
        """Factor the matrix with one cell of each floating component tied to 0.

        Raises ValueError for numba kernels on another device, MemoryError when the factor would
        not fit.
        """
        on_cpu = system.device.type == "cpu"
        if self.engine == "numba" and not on_cpu:
            raise ValueError(f"engine numba needs tensors on the CPU, not on {system.device}")
        return State(system, on_cpu and self.engine != "torch", self.precision)

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Solve, then refine to rtol, in float64 to 1e-12 if that is smaller, while it helps.

        iterations counts solves with the factor; the guess is not needed.
        """
        result = state.refine(rhs, rtol)
        if state.dtype == torch.float32 and not result[2][-1] <= rtol:
            state.factorize(torch.float64)
            result = state.refine(rhs, rtol)
        return Outcome(*result)
