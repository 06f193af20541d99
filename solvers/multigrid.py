"""Conjugate gradients with a geometric multigrid V-cycle as preconditioner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from solvers import multigrid_kernels, multigrid_torch, multigrid_vectors, pcg
from solvers.cg import ENGINES
from solvers.multigrid_levels import Hierarchy
from solvers.multigrid_torch import Level
from solvers.protocol import Outcome
from solvers.rows import RowLayout
from solvers.system import PoissonSystem

# Over-relaxation of each sweep (red, black): on the finest level, on all others. Found by a search
# over dams, splashes and closed boxes: a tenth fewer iterations than with 1 everywhere. The last
# sweep must have 1 for black, which leaves black cells without residual.
FACTORS = (((1.0, 1.178), (1.0, 1.0)), ((1.085, 1.294), (1.346, 1.0)))
COARSEST_SWEEPS = 4


@dataclass(frozen=True, eq=False)
class State:
    """A system with its levels: packed for the kernels, or tensors."""

    system: PoissonSystem
    packed: tuple[RowLayout, Hierarchy] | None
    levels: list[Level]


@dataclass(frozen=True)
class Multigrid:
    """Geometric multigrid as preconditioner of CG: a handful of iterations at any resolution.

    The V-cycle works in float32 on aggregates of 2 x 2 (x 2) cells: a coarse coupling is the sum
    of the weights between two aggregates over the distance of their mean active cells, residuals
    are summed and corrections copied, and red-black Gauss-Seidel sweeps run in opposite orders
    before and after, so that the preconditioner is symmetric and positive whatever the geometry.

    max_iterations: steps before giving up.
    sweeps: Gauss-Seidel sweeps before and after each coarse correction.
    engine: "numba" (kernels for tensors on the CPU), "torch" (any device; defines what the
        kernels compute), or "auto": the fastest for the device.
    """

    name: ClassVar[str] = "multigrid"
    max_iterations: int = 500
    sweeps: int = 2
    engine: str = "auto"

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or self.sweeps < 1:
            raise ValueError("max_iterations and sweeps must be at least 1")
        if self.engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {self.engine}")

    def setup(self, system: PoissonSystem) -> State:
        """Build the levels; raises ValueError for numba kernels on another device."""
        on_cpu = system.device.type == "cpu"
        if self.engine == "numba" and not on_cpu:
            raise ValueError(f"engine numba needs tensors on the CPU, not on {system.device}")
        if on_cpu and self.engine != "torch":
            return State(system, (RowLayout.of(system), Hierarchy.of(system)), [])
        return State(system, None, multigrid_torch.build(system))

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        norm_b = float(torch.linalg.vector_norm(rhs))
        scale, target = 1.0 / norm_b, pcg.target(norm_b, rtol)
        kind = _TorchSpace if state.packed is None else _PackedSpace
        space = kind(state, rhs, guess, relaxation(self.sweeps), scale, target)
        iterations, history = pcg.iterate(space, norm_b, rtol, self.max_iterations)
        return Outcome(space.pressure(), iterations, history)


def relaxation(sweeps: int) -> np.ndarray:
    """Factors of so many sweeps, float32 (2, sweeps, 2): those of the last sweep are repeated."""
    factors = np.array(FACTORS, dtype=np.float32)
    first = [] if sweeps == 1 else [0]
    return np.ascontiguousarray(factors[:, first + [1] * (sweeps - len(first))])


class _TorchSpace:
    """The vector work of the loop as torch expressions, on any device.

    scale: of the residuals that the V-cycle takes. target: norm of the residual that ends the
    loop, so that no V-cycle is needed any more.
    """

    def __init__(
        self,
        state: State,
        rhs: Tensor,
        guess: Tensor | None,
        factors: np.ndarray,
        scale: float,
        target: float,
    ) -> None:
        self.system, self.levels, self.b = state.system, state.levels, rhs
        self.factors, self.scale, self.target = factors.tolist(), scale, target
        self.x = torch.zeros_like(rhs) if guess is None else guess.clone()
        self.z = torch.zeros_like(rhs)

    def start(self) -> tuple[float, float]:
        self.r = self.b - self.system.apply(self.x)
        sums = self._precondition()
        self.p = self.z
        return sums

    def product(self) -> float:
        self.q = self.system.apply(self.p)
        return float((self.p * self.q).sum())

    def advance(self, alpha: float) -> tuple[float, float]:
        self.x += alpha * self.p
        self.r -= alpha * self.q
        return self._precondition()

    def turn(self, beta: float) -> None:
        self.p = self.z + beta * self.p

    def remove_means(self) -> None:
        self.x = self.system.floating.remove_means(self.x)

    def keep(self) -> None:
        self.kept = self.x.clone()

    def revert(self) -> None:
        self.x = self.kept

    def pressure(self) -> Tensor:
        return self.x

    def _precondition(self) -> tuple[float, float]:
        norm = float(torch.linalg.vector_norm(self.r))
        if norm <= self.target:
            return 0.0, norm
        b = (self.scale * self.r).float().reshape(self.levels[0].inverse.shape)
        z = multigrid_torch.cycle(self.levels, b, self.factors, COARSEST_SWEEPS)
        self.z = z.double().reshape(self.r.shape)
        return float((self.r * self.z).sum()), norm


class _PackedSpace:
    """The vector work of the loop by kernels: float64 rows, the V-cycle in packed float32.

    x takes its step when p turns, in one pass over both.
    """

    def __init__(
        self,
        state: State,
        rhs: Tensor,
        guess: Tensor | None,
        factors: np.ndarray,
        scale: float,
        target: float,
    ) -> None:
        assert state.packed is not None
        layout, hierarchy = state.packed
        self.layout, self.hierarchy = layout, hierarchy
        self.floating, self.factors = state.system.floating, factors
        self.scale, self.target = scale, target
        table = hierarchy.table
        self.packed_b = multigrid_kernels.values(hierarchy.b, table, 0)
        self.packed_z = multigrid_kernels.values(hierarchy.x, table, 0)
        self.place = int(table[0, 1]), int(table[0, 2] + 1) // 2 + 2
        self.b = rhs.contiguous().numpy().reshape(layout.active.shape)
        self.x = layout.padded_zeros() if guess is None else layout.padded(guess)
        self.x_is_zero = guess is None
        self.p = layout.padded_zeros()
        self.p_is_zero = True
        self.q, self.r = np.empty_like(self.b), np.empty_like(self.b)
        self.sums = np.zeros(len(layout.spans))

    def start(self) -> tuple[float, float]:
        if self.x_is_zero:
            rz, norm = self._reduce(self.b, self.b, 0.0)
        else:
            self.layout.product(self.x, self.q)
            rz, norm = self._reduce(self.b, self.q, 1.0)
        if norm > self.target:
            self.alpha = 0.0
            if not self.p_is_zero:
                self.p.fill(0.0)
            self.turn(0.0)
        return rz, norm

    def product(self) -> float:
        return self.layout.product(self.p, self.q)

    def advance(self, alpha: float) -> tuple[float, float]:
        self.alpha = alpha
        self.x_is_zero = False
        return self._reduce(self.r, self.q, alpha)

    def turn(self, beta: float) -> None:
        self.p_is_zero = False
        factors = (self.alpha, beta)
        spans = self.layout.spans
        multigrid_vectors.turn(self.x, self.p, self.packed_z, *factors, *self.place, spans)

    def remove_means(self) -> None:
        self.x = self.layout.padded(self.floating.remove_means(self.pressure()))

    def keep(self) -> None:
        self.kept = None if self.x_is_zero else self.x.copy()

    def revert(self) -> None:
        self.x = self.layout.padded_zeros() if self.kept is None else self.kept

    def pressure(self) -> Tensor:
        return self.layout.to_grid(self.x)

    def _reduce(self, a: np.ndarray, q: np.ndarray, alpha: float) -> tuple[float, float]:
        """r = a - alpha q, z = V-cycle of r unless r is small enough; (r, z) and the norm of r."""
        spans = self.layout.spans
        packed = (self.scale, self.packed_b, *self.place)
        multigrid_vectors.reduce(a, q, alpha, self.r, *packed, spans, self.sums)
        norm = float(self.sums.sum()) ** 0.5
        if norm <= self.target:
            return 0.0, norm
        self.hierarchy.cycle(self.factors, COARSEST_SWEEPS)
        multigrid_vectors.dot(self.r, self.packed_z, *self.place, spans, self.sums)
        return float(self.sums.sum()), norm
