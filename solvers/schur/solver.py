"""The solver `schur`: a factor of a pressure system, and refinement with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from solvers.engines import check_engine, uses_kernels
from solvers.protocol import Outcome
from solvers.row_layout import RowLayout
from solvers.schur.batched import BatchedCholesky
from solvers.schur.cholesky import CholeskyFactor
from solvers.schur.coefficients import definite_coefficients
from solvers.schur.refinement import refine
from solvers.schur.tree import build, faces
from solvers.system import PoissonSystem

PRECISIONS = {"float64": torch.float64, "float32": torch.float32}
# Side of the smallest boxes, in cells.
PATCH = 4
# Relative residual that a float64 factor reaches, whatever tolerance is asked for.
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
        """Factor the system in the given precision."""
        tree = build(self.system.shape, PATCH, faces(self.system.dim))
        kind = BatchedCholesky if self.layout is None else CholeskyFactor
        self.factor = kind.of(tree, definite_coefficients(self.system, tree), dtype)
        self.dtype = dtype

    def refine(self, rhs: Tensor, rtol: float) -> tuple[Tensor, int, list[float]]:
        """Solution, iterations and residual history."""
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

    Parameters
    ----------
    precision : {"float64", "float32"}, default "float64"
        Precision of the factor. "float32" halves its memory, and each solve is refined in float64
        to the tolerance; where that fails, the system is factored again in float64.
    engine : {"auto", "numba", "torch"}, default "auto"
        "numba" uses kernels for tensors on the CPU, "torch" works on any device; "auto" takes the
        faster one for the device.

    Raises
    ------
    ValueError
        If an option has an unknown value.

    References
    ----------
    "Schwarz-Schur Involution: Lightspeed Differentiable Sparse Linear Solvers" (ICML 2025).
    """

    name: ClassVar[str] = "schur"
    precision: str = "float64"
    engine: str = "auto"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise ValueError(f"precision must be one of {known}, not {self.precision}")
        check_engine(self.engine)

    def setup(self, system: PoissonSystem) -> State:
        """Factor the matrix with one cell of each floating component tied to 0.

        Raises ValueError for numba kernels on a device without them, MemoryError if the factor
        would not fit.
        """
        return State(system, uses_kernels(self.engine, system.device), self.precision)

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Solve, then refine to rtol while that helps; with a float64 factor to 1e-12 at most.

        The iterations of the outcome are solves with the factor; the guess is not used.
        """
        result = state.refine(rhs, rtol)
        if state.dtype == torch.float32 and not result[2][-1] <= rtol:
            state.factorize(torch.float64)
            result = state.refine(rhs, rtol)
        return Outcome(*result)
