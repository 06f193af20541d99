"""The flow of a stored frame, on cells: where the liquid is, how fast, and where solids are.

The particles of a frame sample the liquid. Their density, smoothed by a Gaussian, falls from 1 to 0
across the surface as the integral of that Gaussian does, so its inverse tells the distance to a
surface that is nearly flat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from scipy.special import erfinv

from fluidsim.render.cells import at_centres
from fluidsim.render.frame import LiquidFrame
from solvers import kernel_cache  # noqa: F401

BLUR = 0.75  # cells: standard deviation of the Gaussian
_TAPS = 2  # cells: its reach; a domain has as many cells
_CLEAR = 0.01  # from such a density to 1 less it, the distance is told; beyond it is no larger
# Distances in cells for densities from there on, evenly.
_LEVELS = np.sqrt(2) * BLUR * erfinv(1 - 2 * np.linspace(_CLEAR, 1 - _CLEAR, 257))
_OPEN = 0.3  # least part of a cell that solids leave open; less counts as this
_FAR = 1e3  # m: the distance to solids where there are none
DISTANCE, WEIGHT, VELOCITY, SOLID = 0, 1, 2, 5  # columns of the values on cells


@dataclass(frozen=True, eq=False)
class Flow:
    """The flow at a time; a plane is a volume that is one cell thick on its first axis.

    time: s. dx: cell size, m. values: (*cells, 6) float32 at the centres of cells: the signed
    distance to the surface, m, negative in the liquid; the density of the particles, 1 in the
    liquid; the velocity, m/s; the distance to solids, m. positions (in cells), velocities: (n, 3),
    of the liquid's particles. key: (n,) their flat cells. dim: 2 or 3.
    """

    time: float
    dx: float
    values: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray
    key: np.ndarray
    dim: int

    @property
    def cells(self) -> tuple[int, ...]:
        return self.values.shape[:3]


def flow_of(frame: LiquidFrame) -> Flow:
    """The flow of a frame."""
    dim, dx = len(frame.shape), np.float32(frame.dx)
    cells = (1,) * (3 - dim) + frame.shape
    positions, velocities = lifted(frame.positions / dx, 0.5), lifted(frame.velocities)
    key = np.empty(len(positions), np.int32)
    sums = np.zeros((*cells, 5), np.float32)  # number, momentum (3), part that solids leave open
    _count(sums, key, positions, velocities, np.float32(0.5**dim))
    sums[..., 4] = 1
    values = np.empty((*cells, 6), np.float32)
    values[..., SOLID] = _FAR
    if frame.solids is not None:
        values[..., SOLID] = at_centres(frame.solids, frame.dx).reshape(cells)
        sums[..., 4] = np.clip(values[..., SOLID] / dx + np.float32(0.5), 0, 1)
    sums = _smoothed(sums, dim)
    _tell(values, sums, _LEVELS * dx)
    return Flow(frame.time, frame.dx, values, positions, velocities, key, dim)


def lifted(vectors: np.ndarray, first: float = 0.0) -> np.ndarray:
    """Vectors (n, dim) as (n, 3) float32; those of a plane get this first component."""
    vectors = np.asarray(vectors, np.float32)
    missing = ((0, 0), (3 - vectors.shape[1], 0))
    return np.pad(vectors, missing, constant_values=first)


def _smoothed(sums: np.ndarray, dim: int) -> np.ndarray:
    """The Gaussian mean of sums on cells; walls reflect."""
    steps = np.arange(-_TAPS, _TAPS + 1)
    weights = np.exp(-0.5 * (steps / BLUR) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in range(3 - dim, 3):
        before, sums = sums, np.empty_like(sums)
        rows = int(np.prod(sums.shape[:axis])), sums.shape[axis], -1
        _blur(sums.reshape(rows), before.reshape(rows), weights)
    return sums


@numba.njit(cache=True, parallel=True)
def _tell(values, sums, levels):  # pragma: no cover
    """The values of cells but for solids, from smoothed sums; levels: distances of densities."""
    n0, n1, n2, _ = sums.shape
    last = len(levels) - 1
    for row in numba.prange(n0 * n1):
        i, j = row // n1, row % n1
        for k in range(n2):
            density = sums[i, j, k, 0]
            part = density / max(sums[i, j, k, 4], _OPEN)
            at = last * min(max((part - _CLEAR) / (1 - 2 * _CLEAR), 0.0), 1.0)
            low = min(int(at), last - 1)
            values[i, j, k, DISTANCE] = levels[low] + (at - low) * (levels[low + 1] - levels[low])
            values[i, j, k, WEIGHT] = density
            for axis in range(3):
                values[i, j, k, VELOCITY + axis] = sums[i, j, k, 1 + axis] / max(density, 1e-6)


@numba.njit(cache=True)
def _count(sums, key, positions, velocities, share):  # pragma: no cover
    """Add the particles, each a `share` of a full cell, and their momenta to cells, in order."""
    n0, n1, n2, _ = sums.shape
    for p in range(len(positions)):
        i = min(max(int(positions[p, 0]), 0), n0 - 1)
        j = min(max(int(positions[p, 1]), 0), n1 - 1)
        k = min(max(int(positions[p, 2]), 0), n2 - 1)
        key[p] = (i * n1 + j) * n2 + k
        sums[i, j, k, 0] += share
        for axis in range(3):
            sums[i, j, k, 1 + axis] += share * velocities[p, axis]


@numba.njit(cache=True, parallel=True)
def _blur(out, source, weights):  # pragma: no cover
    """Weighted means over neighbours along the middle one of three axes."""
    outer, count, inner = source.shape
    reach = len(weights) // 2
    for row in numba.prange(outer * count):
        a, i = row // count, row % count
        for c in range(inner):
            out[a, i, c] = 0
        for step in range(-reach, reach + 1):
            j = i + step
            j = -1 - j if j < 0 else (2 * count - 1 - j if j >= count else j)
            for c in range(inner):
                out[a, i, c] += weights[step + reach] * source[a, j, c]
