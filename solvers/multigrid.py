"""Conjugate gradients with a geometric multigrid V-cycle as preconditioner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from solvers import multigrid_torch, pcg
from solvers.cg import ENGINES
from solvers.multigrid_levels import Hierarchy
from solvers.multigrid_packed import COARSEST_SWEEPS, PackedSpace
from solvers.multigrid_torch import Level
from solvers.protocol import Outcome
from solvers.rows import RowLayout
from solvers.system import PoissonSystem

Factors = tuple[tuple[tuple[float, float], ...], ...]

# Over-relaxation of each sweep (red, black): on the finest level, on all others; learned by
# `python -m solvers.multigrid_tuning`. The first red factor of the finest level is 1, because red
# cells are eliminated; the last black ones are 1, which leaves black cells without residual.
FACTORS = (((1.0, 1.219), (1.0, 1.0)), ((1.958, 1.567), (1.051, 1.0)))


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
    factors: over-relaxation of the sweeps, see FACTORS.
    """

    name: ClassVar[str] = "multigrid"
    max_iterations: int = 500
    sweeps: int = 2
    engine: str = "auto"
    factors: Factors = FACTORS

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or self.sweeps < 1:
            raise ValueError("max_iterations and sweeps must be at least 1")
        if self.engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {self.engine}")
        table = np.array(self.factors)
        if table.shape[::2] != (2, 2) or not ((table > 0) & (table < 2)).all():
            raise ValueError("factors must be a table (2, sweeps, 2) of numbers between 0 and 2")
        if table[0, 0, 0] != 1 or (table[:, -1, 1] != 1).any():
            raise ValueError("factors must be 1 for the first red and the last black sweeps")

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
        factors = relaxation(self.sweeps, self.factors)
        if state.packed is None:
            space = _TorchSpace(state, rhs, guess, factors, scale, target)
        else:
            layout, hierarchy = state.packed
            floating = state.system.floating
            space = PackedSpace(layout, hierarchy, floating, rhs, guess, factors, scale, target)
        iterations, history = pcg.iterate(space, norm_b, rtol, self.max_iterations)
        return Outcome(space.pressure(), iterations, history)


def relaxation(sweeps: int, factors: Factors = FACTORS) -> np.ndarray:
    """Factors of so many sweeps, float32 (2, sweeps, 2): the last of the table, repeated."""
    table = np.array(factors, dtype=np.float32)
    known = table.shape[1]
    chosen = [min(max(known - sweeps, 0) + n, known - 1) for n in range(sweeps)]
    return np.ascontiguousarray(table[:, chosen])


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
