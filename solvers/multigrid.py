"""Conjugate gradients with a geometric multigrid V-cycle as preconditioner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from solvers import multigrid_kernels as kernels
from solvers import multigrid_torch, pcg
from solvers import multigrid_vectors as vectors
from solvers.cg import ENGINES
from solvers.multigrid_levels import Hierarchy
from solvers.multigrid_torch import Level
from solvers.protocol import Outcome
from solvers.rows import RowLayout
from solvers.system import PoissonSystem

Factors = tuple[tuple[tuple[float, float], ...], ...]

# Over-relaxation of each sweep (red, black): on the finest level, on all others; learned by
# `python -m solvers.multigrid_tuning`. The first red factor of the finest level is 1, because red
# cells are eliminated; the last black ones are 1, which leaves black cells without residual.
FACTORS = (((1.0, 1.219), (1.0, 1.0)), ((1.958, 1.567), (1.051, 1.0)))
COARSEST_SWEEPS = 4
# Fall of the residual of the packed CG after which the true one is computed: with weights that
# float32 may round, and with uniform ones. A true one this much larger restarts CG.
RENEWAL = (1e-2, 1e-6)
DRIFT = 1.1
# A renewal that has not at least halved the true residual is the end of progress.
PROGRESS = 0.5


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
        space = kind(state, rhs, guess, relaxation(self.sweeps, self.factors), scale, target)
        iterations, history = pcg.iterate(space, norm_b, rtol, self.max_iterations)
        return Outcome(space.pressure(), iterations, history)


def relaxation(sweeps: int, factors: Factors = FACTORS) -> np.ndarray:
    """Factors of so many sweeps, float32 (2, sweeps, 2): those of the last sweep are repeated."""
    table = np.array(factors, dtype=np.float32)
    first = [] if sweeps == 1 else [0]
    return np.ascontiguousarray(table[:, first + [1] * (sweeps - len(first))])


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
    """The vector work of the loop by kernels, on black cells only, see `multigrid_vectors`.

    When the norm of r has fallen by RENEWAL, the correction made so far goes into x and r is
    computed anew from it (Clark et al., Comput. Phys. Commun. 181 (2010), section 5).
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
        self.layout, self.hierarchy = state.packed
        self.floating, self.factors = state.system.floating, factors
        self.scale, self.target = scale, target
        own = self.hierarchy.buffers
        self.level = self.hierarchy.table[0]
        self.cuts = self.hierarchy.cuts[0]
        self.spans = self.hierarchy.spans[: self.cuts[-1]]
        weights = kernels.couplings(own.lower, self.level)
        self.cells = (weights, self.level, self.spans, self.cuts)
        self.renewal = RENEWAL[int(self.level[kernels.UNIFORM])]
        self.inverse = kernels.values(own.inverse, self.level)
        self.packed_b = kernels.values(own.b, self.level)
        self.z = kernels.values(own.x, self.level)[kernels.BLACK]
        self.r = self.packed_b[kernels.BLACK]
        self.p, self.q, self.red = own.p, own.q, own.red
        self.correction, self.red_x = own.correction, own.red_x
        self.b = rhs.contiguous().numpy().reshape(self.layout.active.shape)
        self.x = self.layout.padded_zeros() if guess is None else self.layout.padded(guess)
        self.x_is_zero = guess is None
        self.is_renewed = self.is_corrected = False
        self.sums = np.zeros(len(self.spans))
        torch.from_numpy(self.correction).zero_()

    def start(self) -> tuple[float, float]:
        if not self.is_renewed:
            self._renew()
        if self.norm > self.target and self._reduced_norm() <= self.target:
            self.is_corrected = True  # by the red cells alone
            self._renew()
        if self.norm <= self.target:
            return 0.0, self.norm
        rz = self._precondition()
        self.p[:] = self.z
        return rz, self.norm

    def product(self) -> float:
        self._satisfy_red(self.packed_b[kernels.RED], self.p)
        inverse = self.inverse[kernels.BLACK]
        vectors.product(self.q, self.p, self.red_x, inverse, *self.cells, self.sums)
        return float(self.sums.sum())

    def advance(self, alpha: float) -> tuple[float, float]:
        vectors.step(self.correction, self.p, self.r, self.q, alpha, self.spans, self.sums)
        self.is_renewed, self.is_corrected, self.is_adrift = False, True, False
        self.norm = float(self.sums.sum()) ** 0.5 / self.scale
        if self.norm <= max(self.target, self.renewal * self.renewed_norm):
            claimed, before = self.norm, self.renewed_norm
            self._renew()
            self.is_adrift = self.norm > DRIFT * claimed
            if self.norm > PROGRESS * before:
                return 0.0, self.norm  # rounding rules: ends the cycle
        if self.norm <= self.target:
            return 0.0, self.norm
        return self._precondition(), self.norm

    def turn(self, beta: float) -> None:
        vectors.turn(self.p, self.z, 0.0 if self.is_adrift else beta, self.spans)

    def remove_means(self) -> None:
        self.x = self.layout.padded(self.floating.remove_means(self.pressure()))
        self.is_renewed = False

    def keep(self) -> None:
        self.kept = None if self.x_is_zero else self.x.copy()

    def revert(self) -> None:
        self.x = self.layout.padded_zeros() if self.kept is None else self.kept

    def pressure(self) -> Tensor:
        return self.layout.to_grid(self.x)

    def _reduced_norm(self) -> float:
        """The norm of r once the red cells satisfy their equations."""
        vectors.dot(self.r, self.r, self.spans, self.sums)
        return float(self.sums.sum()) ** 0.5 / self.scale

    def _precondition(self) -> float:
        """z = V-cycle of r; (r, z)."""
        self.hierarchy.cycle(self.factors, COARSEST_SWEEPS)
        vectors.dot(self.r, self.z, self.spans, self.sums)
        return float(self.sums.sum())

    def _satisfy_red(self, b: np.ndarray, black: np.ndarray) -> None:
        inverse = self.inverse[kernels.RED]
        vectors.satisfy_red(self.red_x, b, inverse, black, *self.cells)

    def _renew(self) -> None:
        """Put the correction into x and compute the residual anew."""
        own, rows = self.hierarchy.buffers, self.layout.spans
        if self.is_corrected:
            self._satisfy_red(self.red, self.correction)
            unscale = self.hierarchy.scale / self.scale
            vectors.add_joined(self.x, unscale, self.red_x, self.correction, self.level, rows)
            torch.from_numpy(self.correction).zero_()
            self.x_is_zero = self.is_corrected = False
        residual = self.b if self.x_is_zero else own.residual
        if not self.x_is_zero:
            norm = self.layout.residual(self.b, self.x, residual) ** 0.5
            if norm > self.target:  # rounding may have left means
                on_grid = torch.from_numpy(residual.reshape(self.layout.shape))
                residual = self.floating.remove_means(on_grid).numpy().reshape(self.b.shape)
        sums = np.zeros(len(rows))
        vectors.split(residual, self.scale, self.red, self.r, self.level, rows, sums)
        self.norm = self.renewed_norm = float(sums.sum()) ** 0.5
        if self.norm > self.target:
            vectors.eliminate(self.r, self.red, self.red_x, self.inverse, *self.cells)
        self.is_renewed = True
