"""The learned level of the cycle on the CPU: kernels for what `networks.SymmetricCycle` defines.

Below it lie levels of multigrid, see `aggregates`. Neighbouring cells of a row that share a stencil
form a segment, and a pass over the level is a loop over its segments. Most cells lie in long ones,
where nine neighbours at a time are handled by one contiguous loop.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.npsdo.engine.layout import (
    FASTMATH,
    FIRST,
    LAST,
    LEAD,
    PARTS,
    PATTERN,
    PLANE,
    ROW,
    WIDTH,
    is_small,
    vector,
)
from solvers.npsdo.engine.transfers import prolong, restrict
from solvers.npsdo.engine.walls import prolong as prolong_walls
from solvers.npsdo.engine.walls import restrict as restrict_walls

# Segments with fewer cells than this are done cell by cell.
_LEAST_LOOP = 5


class Pass(IntEnum):
    """A pass over the level: down, to the next coarser level, back from it, and up."""

    DOWN = 0
    RESTRICT = 1
    PROLONG = 2
    UP = 3


class CycleArrays(NamedTuple):
    """The arrays of the cycle, of both levels.

    r, x, t, share: flat float32 vectors. stencils: float32 (patterns, width). segments: int32
    (segments, 4). cuts: int64 (PARTS, 3): first segment, one past the last, and first pattern of
    each part. extents: int32 (rows of both levels, 3). row_cuts: int64 (2, PARTS + 1). table:
    without the line of ends.
    """

    r: np.ndarray
    x: np.ndarray
    t: np.ndarray
    share: np.ndarray
    stencils: np.ndarray
    segments: np.ndarray
    cuts: np.ndarray
    extents: np.ndarray
    row_cuts: np.ndarray
    table: np.ndarray


@numba.njit(cache=True)
def descend(r, x, t, share, stencils, segments, cuts, extents, row_cuts, table, walls, weights):
    """r of the coarser level from that of the finer one; t is overwritten.

    Flat arguments, see `CycleArrays`: a call with a named tuple from Python costs more. walls,
    weights: see `walls.find`.
    """
    arrays = CycleArrays(r, x, t, share, stencils, segments, cuts, extents, row_cuts, table)
    sums = np.empty(PARTS)
    for step in (Pass.DOWN, Pass.RESTRICT):
        _pass(step, arrays, sums)
    restrict_walls(walls, weights, t, r)


@numba.njit(cache=True)
def ascend(
    r, x, t, share, stencils, segments, cuts, extents, row_cuts, table, walls, weights, sums
):
    """x of the finer level from that of the coarser one; sums[part]: its share of (r, x)."""
    arrays = CycleArrays(r, x, t, share, stencils, segments, cuts, extents, row_cuts, table)
    _pass(Pass.PROLONG, arrays, sums)
    prolong_walls(walls, weights, share, x, t)
    _pass(Pass.UP, arrays, sums)


@numba.njit(cache=True, parallel=True)
def _pass(step, arrays, sums):
    if is_small(arrays.table[0]):
        for part in range(PARTS):
            _pass_part(step, part, arrays, sums)
    else:
        for part in numba.prange(PARTS):
            _pass_part(step, np.int64(part), arrays, sums)


@numba.njit(cache=True)
def _pass_part(step, part, arrays, sums):
    fine, coarse = arrays.table[0], arrays.table[1]
    begin, end, base = arrays.cuts[part]
    mine, own = arrays.segments[begin:end], arrays.stencils[base:]
    r, t, share = vector(arrays.r, fine), vector(arrays.t, fine), vector(arrays.share, fine)
    extents = arrays.extents
    if step == Pass.DOWN:
        _down(r, t, share, own, mine, fine)
    elif step == Pass.UP:
        sums[part] = _up(r, t, vector(arrays.x, fine), own, mine, fine)
    elif step == Pass.RESTRICT:
        first, last = arrays.row_cuts[1, part], arrays.row_cuts[1, part + 1]
        target, present = vector(arrays.r, coarse), vector(arrays.share, coarse)
        restrict(t, target, present, extents, first, last, fine, coarse)
    else:
        first, last = arrays.row_cuts[0, part], arrays.row_cuts[0, part + 1]
        prolong(vector(arrays.x, coarse), t, share, extents, first, last, fine, coarse)


@numba.njit(cache=True)
def _down(rs, ts, shares, stencils, segments, level):
    """t = share times (way down of r)."""
    width, steps = stencils.shape[1] // 3, _steps(level)
    flat_r, flat_t, flat_share, table = rs.ravel(), ts.ravel(), shares.ravel(), stencils.ravel()
    for s in range(len(segments)):
        row, first, last = segments[s, ROW], segments[s, FIRST], segments[s, LAST]
        begin = np.int64(segments[s, PATTERN]) * 3 * width + width
        if last - first < _LEAST_LOOP:
            at = row * level[WIDTH]
            for k in range(at + first, at + last):
                flat_t[k] = flat_share[k] * _value(flat_r, k, steps, table, begin)
        else:
            result = ts[row, first:last]
            result[:] = np.float32(0.0)
            _add(rs, row, first, last, table, begin, level, result)
            _multiply(result, shares[row, first:last])


@numba.njit(cache=True)
def _up(rs, ts, xs, stencils, segments, level):
    """x = smoother of r + way up of t; returns (r, x)."""
    width, steps = stencils.shape[1] // 3, _steps(level)
    flat_r, flat_t, flat_x, table = rs.ravel(), ts.ravel(), xs.ravel(), stencils.ravel()
    total = 0.0
    for s in range(len(segments)):
        row, first, last = segments[s, ROW], segments[s, FIRST], segments[s, LAST]
        begin = np.int64(segments[s, PATTERN]) * 3 * width
        if last - first < _LEAST_LOOP:
            at = row * level[WIDTH]
            for k in range(at + first, at + last):
                value = _value(flat_r, k, steps, table, begin)
                value += _value(flat_t, k, steps, table, begin + 2 * width)
                flat_x[k] = value
                total += np.float64(flat_r[k]) * np.float64(value)
        else:
            result = xs[row, first:last]
            result[:] = np.float32(0.0)
            _add(rs, row, first, last, table, begin, level, result)
            _add(ts, row, first, last, table, begin + 2 * width, level, result)
            total += _dot(rs[row, first:last], result)
    return total


@numba.njit(cache=True)
def _steps(level):
    """Offsets in memory from a cell to the first cell of each line of its neighbourhood."""
    planes = level[LEAD]
    steps = np.empty(3 * (2 * planes + 1), dtype=np.int64)
    for n in range(len(steps)):
        steps[n] = ((n // 3 - planes) * level[PLANE] + n % 3 - 1) * level[WIDTH] - 1
    return steps


@numba.njit(cache=True, fastmath=FASTMATH)
def _value(x, k, steps, stencils, begin):
    """Apply the stencil that starts at `begin` at one cell; unsigned indices are not checked."""
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    total, c = np.float32(0.0), np.uint64(begin)
    for n in range(len(steps)):
        at = np.uint64(k + steps[n])
        total += stencils[c] * x[at] + stencils[c + one] * x[at + one]
        total += stencils[c + two] * x[at + two]
        c += three
    return total


@numba.njit(cache=True)
def _add(x, row, first, last, stencils, begin, level, result):
    """Add the stencil that starts at `begin`, applied at cells first to last of a row."""
    around = slice(first - 1, last + 1)
    for i in range(2 * level[LEAD] + 1):
        n, part = (
            row + (i - level[LEAD]) * level[PLANE],
            stencils[begin + 9 * i : begin + 9 * i + 9],
        )
        _add_plane(x[n - 1, around], x[n, around], x[n + 1, around], part, result)


@numba.njit(cache=True, fastmath=FASTMATH)
def _add_plane(below, here, above, c, result):
    c0, c1, c2, c3, c4, c5, c6, c7, c8 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8]
    for k in range(len(result)):
        total = c0 * below[k] + c1 * below[k + 1] + c2 * below[k + 2]
        total += c3 * here[k] + c4 * here[k + 1] + c5 * here[k + 2]
        total += c6 * above[k] + c7 * above[k + 1] + c8 * above[k + 2]
        result[k] += total


@numba.njit(cache=True, fastmath=FASTMATH)
def _multiply(a, b):
    for k in range(len(a)):
        a[k] *= b[k]


@numba.njit(cache=True, fastmath=FASTMATH)
def _dot(a, b):
    total = 0.0
    for k in range(len(a)):
        total += np.float64(a[k]) * np.float64(b[k])
    return total
