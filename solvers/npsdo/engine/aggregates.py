"""From the learned level to the packed levels of multigrid below it, and back: CPU kernels.

The weights are those of S A S, in units of `unit`; see `images` for the arrays of a system.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.multigrid.kernels import place
from solvers.multigrid.setup import CENTRE, MASS, SMALLEST_DIAGONAL, add_row
from solvers.npsdo.engine.layout import GRID_ROW, LEAD, PLANES, ROWS, vector_row
from solvers.row_layout import active_part


@numba.njit(cache=True, parallel=True)
def fill_moments(active, along, across, faces, neighbours, scaling, unit, shape, moments):
    """The moments of the aggregates of a system, see `solvers.multigrid.setup`.

    shape: cells along the axes before the last, of a 2D grid (nx, 1).
    """
    cx, cy = moments.shape[:2]
    for index in numba.prange(cx * cy):
        i, j = np.int64(index) // cy, np.int64(index) % cy
        sums = moments[i, j]
        sums[:] = np.float32(0.0)
        for a in range(2 * i, min(2 * i + 2, shape[0])):
            for b in range(2 * j, min(2 * j + 2, shape[1])):
                row = a * shape[1] + b
                inside = (a - 2 * i, b - 2 * j)
                rows = (active, along, across, faces, neighbours, scaling)
                _add_cells(sums, row, inside[0], inside[1], rows, 1.0 / unit)
        for k in range(len(sums)):
            mass = max(sums[k, MASS], np.float32(1.0))
            for axis in range(3):
                sums[k, CENTRE + axis] /= mass


@numba.njit(cache=True)
def _add_cells(sums, row, a, b, rows, scale):
    """Add a row of cells to the moments of its aggregates; a, b: its place in them."""
    active, along, across, faces, neighbours, scaling = rows
    begin, end = active_part(active[row])
    if begin == end:
        return
    begin, end = begin // 2 * 2, (end + 1) // 2 * 2
    cells, count = min(end, active.shape[1]) - begin, end - begin
    low, low_of = np.zeros((3, count), dtype=np.float32), np.empty(count, dtype=np.float32)
    held, diagonal = np.zeros(count, dtype=np.float32), np.zeros(count, dtype=np.float32)
    known, own = np.zeros(cells + 2, dtype=np.bool_), np.zeros(cells + 2, dtype=np.float32)
    for k in range(-1, cells + 1):
        if 0 <= begin + k < active.shape[1]:
            known[k + 1] = active[row, begin + k]
            own[k + 1] = scaling[min(row, len(scaling) - 1), begin + k]
    span, mine = slice(begin, begin + cells), own[1:-1]
    _add_side(
        along[row, begin : begin + cells], scale, mine, known[:-2], own[:-2], low[2], held, diagonal
    )
    _add_side(
        along[row, begin + 1 : begin + cells + 1], scale, mine, known[2:], own[2:], low_of, held,
        diagonal,
    )  # fmt: skip
    nothing, nought = np.zeros(cells, dtype=np.bool_), np.zeros(cells, dtype=np.float32)
    for axis in range(len(across)):
        for side in range(2):
            there = neighbours[axis, side, row]
            weights = across[axis][faces[axis, side, row], span]
            target = low_of if side else low[axis]
            if there < len(active):
                other = scaling[min(there, len(scaling) - 1), span]
                _add_side(weights, scale, mine, active[there, span], other, target, held, diagonal)
            else:
                _add_side(weights, scale, mine, nothing, nought, target, held, diagonal)
    for k in range(cells):
        # As in multigrid's setup, `diagonal` is positive in the cells that count.
        if not known[k + 1] or diagonal[k] <= SMALLEST_DIAGONAL:
            diagonal[k] = held[k] = low[0, k] = low[1, k] = low[2, k] = np.float32(0.0)
    around = sums[begin // 2 : end // 2]
    add_row(around, low, held, diagonal, a, b)


@numba.njit(cache=True)
def _add_side(weights, scale, own, known, other, low, held, diagonal):
    """Add the weights of one side of cells; low: those towards active neighbours."""
    zero = np.float32(0.0)
    for k in range(len(weights)):
        weight = np.float32(scale * weights[k]) * own[k]
        between = weight * other[k] if known[k] else zero
        outward = zero if known[k] else weight * own[k]
        low[k] = between
        held[k] += outward
        diagonal[k] += between + outward


@numba.njit(cache=True)
def pack(r, extents, level, b, packed):
    """b of a packed level from the r of the coarser level; level, packed: their rows of tables."""
    for row in range(level[PLANES] * level[ROWS]):
        first, last = extents[level[GRID_ROW] + row, 0], extents[level[GRID_ROW] + row, 1]
        i, j = _place(row, level)
        source = r[vector_row(level, row)]
        for k in range(first, min(first + 2, last)):
            colour, h = place(packed, i, j, k)
            for n in range((last - k + 1) // 2):
                b[colour, h + n] = source[k + 1 + 2 * n]


@numba.njit(cache=True)
def unpack(x, extents, level, packed_x, packed):
    """x of the coarser level from that of a packed level."""
    for row in range(level[PLANES] * level[ROWS]):
        first, last = extents[level[GRID_ROW] + row, 0], extents[level[GRID_ROW] + row, 1]
        i, j = _place(row, level)
        target = x[vector_row(level, row)]
        for k in range(first, min(first + 2, last)):
            colour, h = place(packed, i, j, k)
            for n in range((last - k + 1) // 2):
                target[k + 1 + 2 * n] = packed_x[colour, h + n]


@numba.njit(cache=True)
def _place(row, level):
    """The first two indices of the cells of a row on a packed level; a 2D grid is (nx, 1, nz)."""
    if level[LEAD]:
        return row // level[ROWS], row % level[ROWS]
    return row, np.int64(0)
