"""Linear interpolation between levels and its adjoint, on the CPU; see `coarse.Interpolation`.

What it does across walls is taken out by `walls`.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.npsdo.engine.layout import FASTMATH, GRID_ROW, LEAD, PLANE, ROWS, vector_row

# Weights of linear interpolation.
_QUARTER, _THREE_QUARTERS = np.float32(0.25), np.float32(0.75)


@numba.njit(cache=True)
def restrict(ts, coarse_r, coarse_share, extents, begin, end, fine, coarse):
    """r of the coarser level, in its fluid: the adjoint of interpolation."""
    deep = 4 if fine[LEAD] else 1
    sums = np.empty(ts.shape[1], dtype=np.float32)
    for row in range(begin, end):
        first, last = extents[coarse[GRID_ROW] + row, 0], extents[coarse[GRID_ROW] + row, 1]
        if first == last:
            continue
        i, j = row // coarse[ROWS], row % coarse[ROWS]
        around = slice(2 * first, 2 * last + 2)
        sums[around] = np.float32(0.0)
        for a in range(deep):
            across = _weight(a) if deep > 1 else np.float32(1.0)
            for b in range(4):
                at = (2 * i + a) * fine[PLANE] + 2 * j + b
                _add_multiple(sums[around], across * _weight(b), ts[at, around])
        at = vector_row(coarse, row)
        _halve(sums, coarse_r[at], coarse_share[at], first, last)


@numba.njit(cache=True)
def _weight(n):
    return _THREE_QUARTERS if n == 1 or n == 2 else _QUARTER


@numba.njit(cache=True, fastmath=FASTMATH)
def _add_multiple(a, factor, b):
    for k in range(len(a)):
        a[k] += factor * b[k]


@numba.njit(cache=True, fastmath=FASTMATH)
def _halve(sums, result, share, first, last):
    for k in range(first, last):
        outer, inner = sums[2 * k] + sums[2 * k + 3], sums[2 * k + 1] + sums[2 * k + 2]
        value = _QUARTER * outer + _THREE_QUARTERS * inner
        result[k + 1] = value if share[k + 1] > 0 else np.float32(0.0)


@numba.njit(cache=True)
def prolong(coarse_x, ts, shares, extents, begin, end, fine, coarse):
    """t = share times the interpolation of the coarser x."""
    values = np.empty(coarse_x.shape[1], dtype=np.float32)
    for row in range(begin, end):
        first, last = extents[fine[GRID_ROW] + row, 0], extents[fine[GRID_ROW] + row, 1]
        if first == last:
            continue
        around = slice(first // 2, (last - 1) // 2 + 3)
        _interpolate(coarse_x, fine, coarse, row, around, values)
        at = vector_row(fine, row)
        _double(values, ts[at], shares[at], first, last)


@numba.njit(cache=True)
def _interpolate(coarse_x, fine, coarse, row, around, values):
    """values[around] for a row of the finer level, interpolated across rows but not along them."""
    i, j = row // fine[ROWS], row % fine[ROWS]
    values[around] = np.float32(0.0)
    for a in range(1 + fine[LEAD]):
        plane, across = np.int64(0), np.float32(1.0)
        if fine[LEAD]:
            plane = (i // 2 + a * (2 * (i % 2) - 1) + 1) * coarse[PLANE]
            across = _QUARTER if a else _THREE_QUARTERS
        for b in range(2):
            at = plane + j // 2 + b * (2 * (j % 2) - 1) + 1
            weight = across * (_QUARTER if b else _THREE_QUARTERS)
            _add_multiple(values[around], weight, coarse_x[at, around])


@numba.njit(cache=True, fastmath=FASTMATH)
def _double(values, result, share, first, last):
    for half in range(first // 2, (last + 1) // 2):
        near = _THREE_QUARTERS * values[half + 1]
        k = 2 * half + 1
        result[k] = share[k] * (near + _QUARTER * values[half])
        result[k + 1] = share[k + 1] * (near + _QUARTER * values[half + 2])
