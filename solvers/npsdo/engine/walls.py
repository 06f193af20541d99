"""Interpolation that no wall crosses, see `coarse.Interpolation`: a list of what is taken out.

CPU kernels. `images.fill_share` and `transfers` interpolate from all aggregates that are not all
solid; those of them that a wall parts from a cell are found here, by cells whose window is not
fluid alone.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.npsdo.engine.images import LEAST_COVERAGE
from solvers.npsdo.engine.layout import (
    CELLS,
    LEAD,
    PICTURE_PLANE,
    PLANE,
    PLANES,
    ROWS,
    VECTOR,
    WIDTH,
    picture_row,
    vector_row,
)


@numba.njit(cache=True)
def find(numbers, fluids, airs, coarse_fluids, coarse_airs, shares, fine, coarse):
    """Find what walls part, and set the share of the cells at them.

    numbers: of windows, see `windows`. Returns places in the flat vectors, of the finer and of the
    coarser level, int64 (n, 2), and the weights of these interpolations, float32 (n,).
    """
    places = np.empty((1024, 2), dtype=np.int64)
    weights = np.empty(1024, dtype=np.float32)
    found, corners = 0, 8 if fine[LEAD] else 4
    for row in range(fine[PLANES] * fine[ROWS]):
        line, at = numbers[picture_row(fine, row)], vector_row(fine, row)
        for k in range(fine[CELLS]):
            if line[k + 2] <= 1:  # no fluid, or a window of fluid only
                continue
            if found + 8 > len(weights):
                places, weights = _doubled(places), _doubled(weights)
            coverage, changed = np.float32(0.0), False
            for corner in range(corners):
                weight, beside, there = _corner(corner, row, k, fine, coarse)
                aggregate = coarse_fluids[there[0], there[1]]
                if aggregate + coarse_airs[there[0], there[1]] == 0:
                    continue
                if fluids[beside[0], beside[1]] + airs[beside[0], beside[1]] > 0:
                    coverage += weight
                    continue
                changed = True
                if aggregate > 0:
                    places[found, 0] = at * fine[WIDTH] + k + 1
                    places[found, 1] = there[2]
                    weights[found] = weight
                    found += 1
            if changed:
                shares[at, k + 1] = np.float32(1.0) / max(coverage, LEAST_COVERAGE)
    return places[:found].copy(), weights[:found].copy()


@numba.njit(cache=True)
def _doubled(values):
    result = np.empty((2 * len(values), *values.shape[1:]), dtype=values.dtype)
    result[: len(values)] = values
    return result


@numba.njit(cache=True)
def _corner(corner, row, k, fine, coarse):
    """Weight of an aggregate, the cell that touches it, and the aggregate.

    Both as row and column of pictures, the aggregate also as a place in a vector. Bits of `corner`
    say along which axes the aggregate is the farther one: the last, the middle, the first.
    """
    i, j = row // fine[ROWS], row % fine[ROWS]
    weight = np.float32(1.0)
    step_i, step_j, step_k = np.int64(0), np.int64(0), np.int64(0)
    for axis in range(2 + fine[LEAD]):
        weight *= np.float32(0.25 if corner >> axis & 1 else 0.75)
    if corner & 1:
        step_k = 2 * (k % 2) - 1
    if corner & 2:
        step_j = 2 * (j % 2) - 1
    if corner & 4:
        step_i = 2 * (i % 2) - 1
    lead = fine[LEAD]
    beside = (i + step_i + 2 * lead) * fine[PICTURE_PLANE] + j + step_j + 2, k + step_k + 2
    ci, cj, ck = i // 2 + step_i, j // 2 + step_j, k // 2 + step_k
    place = ((ci + lead) * coarse[PLANE] + cj + 1) * coarse[WIDTH] + ck + 1 + coarse[VECTOR]
    return weight, beside, ((ci + 2 * lead) * coarse[PICTURE_PLANE] + cj + 2, ck + 2, place)


@numba.njit(cache=True)
def restrict(places, weights, t, coarse_r):
    """Take what crosses walls out of the sums of a coarser level. t, coarse_r: flat vectors."""
    for n in range(len(weights)):
        coarse_r[places[n, 1]] -= weights[n] * t[places[n, 0]]


@numba.njit(cache=True)
def prolong(places, weights, share, coarse_x, t):
    """Take what crosses walls out of interpolated values. All but the first two: flat vectors."""
    for n in range(len(weights)):
        t[places[n, 0]] -= share[places[n, 0]] * weights[n] * coarse_x[places[n, 1]]
