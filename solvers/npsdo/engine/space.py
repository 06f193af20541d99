"""The vectors of conjugate gradients around the engine, for kernels over rows.

Kernels take flat arguments; `EngineSpace` calls them.
"""

from __future__ import annotations

import numba
import numpy as np
from torch import Tensor

from solvers import kernel_cache  # noqa: F401
from solvers.krylov.row_space import RowSpace
from solvers.npsdo.engine import layout
from solvers.npsdo.engine.engine import Engine
from solvers.npsdo.safeguards import Watch
from solvers.system import PoissonSystem


class EngineSpace(RowSpace):
    """A `pcg.Workspace` on the CPU; z stays in the float32 memory of the engine.

    The engine receives the residual divided by its norm one iteration earlier.
    """

    def __init__(
        self,
        system: PoissonSystem,
        engine: Engine,
        rhs: Tensor,
        guess: Tensor | None,
        watch: Watch,
    ) -> None:
        super().__init__(engine.rows, system.floating, rhs, guess)
        self.engine, self.watch = engine, watch
        own, level = engine.buffers, engine.table[0]
        self.level = level
        self.p, self.q, self.r = own.direction, own.product, own.residual
        self.entered, self.z = layout.vector(own.r, level), layout.vector(own.x, level)
        self.sums = np.zeros(len(self.layout.spans))
        self.norm = 1.0

    def start(self) -> tuple[float, float]:
        self.norm = self.layout.residual(self.b, self.x, self.r) ** 0.5
        self.watch.restart()
        sums = self.advance(0.0)
        self.turn(0.0)
        return sums

    def product(self) -> float:
        return self.layout.product(self.p, self.q)

    def advance(self, alpha: float) -> tuple[float, float]:
        """As in `pcg`; alpha = 0 leaves x and r unchanged."""
        unit = 1.0 / self.norm if self.norm > 0 else 0.0
        vectors = (self.x, self.r, self.p, self.q, self.entered, self.engine.scaling)
        _step(*vectors, alpha, unit, self.level, self.layout.spans, self.sums)
        before, self.norm = self.norm, float(self.sums.sum()) ** 0.5
        if self.watch.is_over(self.norm):
            self.z_scale = 0.0
            return 0.0, self.norm
        self.z_scale = before / self.engine.unit
        rz = self._cycle(unit)
        return self.watch.checked(before * self.z_scale * rz), self.norm

    def turn(self, beta: float) -> None:
        vectors = (self.p, self.z, self.engine.scaling)
        _turn(*vectors, beta, self.z_scale, self.level, self.layout.spans)
        if self.engine.band is not None:
            self.engine.band.add(self.p, self.z_scale)

    def _cycle(self, unit: float) -> float:
        """z of the residual times `unit`; returns the product of the two."""
        band = self.engine.band
        if band is None:
            return self.engine.cycle()
        band.enter(self.r, unit, self.entered)
        rz = self.engine.cycle()
        return rz + band.leave(self.r, unit, self.z)


@numba.njit(cache=True, parallel=True)
def _step(x, r, p, q, entered, scaling, alpha, unit, level, spans, sums):
    """x += alpha p, r -= alpha q, entered = unit S r in the spans; sums[i] = (r, r) of span i.

    x and p are padded as in `RowLayout`, entered as in `layout`.
    """
    for i in numba.prange(len(spans)):
        row, first, last = spans[i]
        target = entered[layout.vector_row(level, row), first + 1 : last + 1]
        scale = scaling[min(row, len(scaling) - 1), first:last]
        inside, padded = slice(first, last), slice(first + 1, last + 1)
        if alpha != 0:
            _advance_row(x[row, padded], r[row, inside], p[row, padded], q[row, inside], alpha)
        sums[i] = _enter_row(r[row, inside], scale, unit, target)


@numba.njit(cache=True, fastmath=layout.FASTMATH)
def _advance_row(x, r, p, q, alpha):
    for k in range(len(x)):
        x[k] += alpha * p[k]
        r[k] -= alpha * q[k]


@numba.njit(cache=True, fastmath=layout.FASTMATH)
def _enter_row(r, scale, unit, target):
    total = 0.0
    for k in range(len(r)):
        total += r[k] * r[k]
        target[k] = np.float32(unit * r[k]) * scale[k]
    return total


@numba.njit(cache=True, parallel=True)
def _turn(p, z, scaling, beta, z_scale, level, spans):
    """p = z_scale S z + beta p in the spans; if beta is 0, p is not read."""
    for i in numba.prange(len(spans)):
        row, first, last = spans[i]
        source = z[layout.vector_row(level, row), first + 1 : last + 1]
        scale = scaling[min(row, len(scaling) - 1), first:last]
        _turn_row(p[row, first + 1 : last + 1], source, scale, beta, z_scale)


@numba.njit(cache=True, fastmath=layout.FASTMATH)
def _turn_row(p, z, scale, beta, z_scale):
    if beta == 0:
        for k in range(len(p)):
            p[k] = z_scale * np.float64(scale[k] * z[k])
    else:
        for k in range(len(p)):
            p[k] = z_scale * np.float64(scale[k] * z[k]) + beta * p[k]
