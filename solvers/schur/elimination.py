"""The Cholesky factorisation by fronts: CPU kernels (flat arguments).

A front holds the live rows of a box in the order of `Tables`. Its lower triangle has two parts: the
columns of the pivots, a panel (pivots + remaining, pivots) of the factor, and the Schur complement
(remaining, remaining), which the parent adds to its own front. Work is dealt out in parts that do
not depend on the number of threads, and every sum has a fixed order, so results are bitwise the
same from run to run.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.schur.blas import arguments, divide, subtract_product, subtract_square
from solvers.schur.fronts import (
    BASE,
    CHILDREN,
    CLASS,
    ENTRIES,
    FIRST,
    LINKS,
    NODES,
    PANEL,
    PARTS,
    PIVOTS,
    REMAINING,
    TWIN,
    UPDATE,
    place_rows,
)

# Pivots eliminated without BLAS at a time.
_BLOCK = 32
# Columns and rows of the tiles in which all threads work on a large front.
_COLUMNS = 128
TILE = 384
# Sums may be reordered (SIMD lanes), but NaN and Inf keep their meaning.
_FASTMATH = {"reassoc", "contract", "nsz"}


@numba.njit(cache=True, parallel=True)
def eliminate_small(boxes, tables, matrix, routines, panels, below, updates, doubtful):
    """Eliminate boxes of a level, each on one thread.

    matrix: coefficients (1 + kinds, nodes) in float64, their scale, and the fraction of its
        diagonal entry that a pivot must exceed. below, updates: Schur complements of the level
        below and of this one. doubtful: (PARTS,), counts pivots that do not exceed it; these are
        replaced by their diagonal entries.
    """
    for part in numba.prange(PARTS):
        _eliminate_part(
            np.int64(part), boxes, tables, matrix, routines, panels, below, updates, doubtful
        )


@numba.njit(cache=True)
def _eliminate_part(part, boxes, tables, matrix, routines, panels, below, updates, doubtful):
    place = np.empty(tables.most_rows, dtype=np.int64)
    room = arguments(panels)
    for index in range(FIRST[part], len(boxes), PARTS):
        box = boxes[index]
        _clear_rows(0, 1, box, tables, panels, updates)
        _enter(box, tables, matrix, panels, place)
        for side in range(2):
            _add_rows(0, 1, box, side, tables, panels, below, updates)
        ns, nr = tables.boxes[box, PIVOTS], tables.boxes[box, REMAINING]
        at, to = tables.boxes[box, PANEL], tables.boxes[box, UPDATE]
        doubtful[part] += _factor_panel(
            routines, room, panels, at, ns, ns + nr, ns, box, 0, tables, matrix
        )
        if ns > 0 and nr > 0:
            subtract_square(routines, room, nr, ns, panels, at + ns * ns, ns, updates, to, nr)


@numba.njit(cache=True, parallel=True)
def eliminate_large(box, tables, matrix, routines, panels, below, updates, doubtful):
    """Eliminate one box, tile by tile on all threads; arguments as for `eliminate_small`."""
    place = np.empty(tables.most_rows, dtype=np.int64)
    for part in numba.prange(PARTS):
        _clear_rows(np.int64(part), PARTS, box, tables, panels, updates)
    _enter(box, tables, matrix, panels, place)
    for side in range(2):
        for part in numba.prange(PARTS):
            _add_rows(np.int64(part), PARTS, box, side, tables, panels, below, updates)
    ns, nr = tables.boxes[box, PIVOTS], tables.boxes[box, REMAINING]
    n, at = ns + nr, tables.boxes[box, PANEL]
    for first in range(0, ns, _COLUMNS):
        end = min(first + _COLUMNS, ns)
        if first > 0:
            for tile in numba.prange((n - first + TILE - 1) // TILE):
                _update_rows(first + np.int64(tile) * TILE, first, end, n, ns, at, routines, panels)
        corner, width = at + first * ns + first, end - first
        room = arguments(panels)
        doubtful[0] += _factor_panel(
            routines, room, panels, corner, width, width, ns, box, first, tables, matrix
        )
        for tile in numba.prange((n - end + TILE - 1) // TILE):
            _divide_rows(end + np.int64(tile) * TILE, first, end, n, ns, at, routines, panels)
    if ns > 0:
        tiles = (nr + TILE - 1) // TILE
        for pair in numba.prange(tiles * (tiles + 1) // 2):
            _update_tile(np.int64(pair), box, tables, routines, panels, updates)


@numba.njit(cache=True)
def _update_rows(row, first, end, n, ns, at, routines, panels):
    """Subtract the contributions of earlier columns from columns first to end of a tile of rows."""
    subtract_product(
        routines, arguments(panels), min(TILE, n - row), end - first, first, panels, at + row * ns,
        ns, panels, at + first * ns, ns, panels, at + row * ns + first, ns,
    )  # fmt: skip


@numba.njit(cache=True)
def _divide_rows(row, first, end, n, ns, at, routines, panels):
    """Divide columns first to end of a tile of rows by the triangle above them."""
    corner, own = at + first * ns + first, at + row * ns + first
    rows = min(TILE, n - row)
    divide(routines, arguments(panels), rows, end - first, panels, corner, ns, panels, own, ns)


@numba.njit(cache=True)
def _update_tile(pair, box, tables, routines, panels, updates):
    """A tile of the lower triangle of the Schur complement."""
    ns, nr = tables.boxes[box, PIVOTS], tables.boxes[box, REMAINING]
    i = np.int64((np.sqrt(8.0 * pair + 1.0) - 1.0) / 2.0)
    row, column = i * TILE, (pair - i * (i + 1) // 2) * TILE
    rows, columns = min(TILE, nr - row), min(TILE, nr - column)
    first = tables.boxes[box, PANEL] + ns * ns
    left, right = first + row * ns, first + column * ns
    corner = tables.boxes[box, UPDATE] + row * nr + column
    room = arguments(panels)
    if row == column:
        subtract_square(routines, room, rows, ns, panels, left, ns, updates, corner, nr)
    else:
        subtract_product(
            routines, room, rows, columns, ns, panels, left, ns, panels, right, ns, updates,
            corner, nr,
        )  # fmt: skip


@numba.njit(cache=True)
def _clear_rows(begin, step, box, tables, panels, updates):
    """Set every step-th row of the front of a box to 0."""
    ns, nr = tables.boxes[box, PIVOTS], tables.boxes[box, REMAINING]
    at, to = tables.boxes[box, PANEL], tables.boxes[box, UPDATE]
    for row in range(begin, ns + nr, step):
        panels[at + row * ns : at + (row + 1) * ns] = 0
        if row >= ns:
            own = to + (row - ns) * nr
            updates[own : own + row - ns + 1] = 0


@numba.njit(cache=True)
def _enter(box, tables, matrix, panels, place):
    """Enter the coefficients of the pivots of a box into its front. place: room for its rows."""
    coefficients, scale, _ = matrix
    ns, at = tables.boxes[box, PIVOTS], tables.boxes[box, PANEL]
    place_rows(coefficients.view(np.uint64), box, tables, place)
    kind, first = tables.boxes[box, CLASS], tables.boxes[box, BASE]
    for e in range(tables.kinds[kind, ENTRIES], tables.kinds[kind + 1, ENTRIES]):
        row, column = place[tables.entries[e, 0]], place[tables.entries[e, 1]]
        if row >= 0 and column >= 0:
            value = coefficients[tables.entries[e, 2], first + tables.entries[e, 3]]
            panels[at + row * ns + column] = panels.dtype.type(value * scale)


@numba.njit(cache=True)
def _add_rows(begin, step, box, side, tables, panels, below, updates):
    """Add every step-th row of the Schur complement of a child to the front of a box.

    Rows on the face between the halves are consecutive pivots of the box; all others have the same
    order in child and box.
    """
    child = tables.boxes[box, CHILDREN + side]
    child = tables.boxes[child, TWIN] if child >= 0 else -1
    if child < 0:
        return
    ns, nr = tables.boxes[box, PIVOTS], tables.boxes[box, REMAINING]
    at, to = tables.boxes[box, PANEL], tables.boxes[box, UPDATE]
    m, source, link = (
        tables.boxes[child, REMAINING],
        tables.boxes[child, UPDATE],
        tables.boxes[box, LINKS + side],
    )
    links = tables.links[link : link + m]
    first = 0
    while first < m and links[first] >= ns:
        first += 1
    last = first
    while last < m and links[last] < ns:
        last += 1
    for i in range(begin, m, step):
        row, own = links[i], source + i * m
        if row < ns:
            for j in range(first):
                panels[at + links[j] * ns + row] += below[own + j]
            for j in range(first, i + 1):
                panels[at + row * ns + links[j]] += below[own + j]
        else:
            target, beyond = at + row * ns, to + (row - ns) * nr - ns
            for j in range(min(first, i + 1)):
                updates[beyond + links[j]] += below[own + j]
            for j in range(first, min(last, i + 1)):
                panels[target + links[j]] += below[own + j]
            for j in range(last, i + 1):
                updates[beyond + links[j]] += below[own + j]


@numba.njit(cache=True)
def _factor_panel(routines, room, panels, at, ns, n, ld, box, number, tables, matrix):
    """Cholesky of the first ns rows of a panel (n, ns) at `at`, the others divided by it.

    number: index of the first row among the pivots of the box. Returns the number of doubtful
    pivots.
    """
    doubtful = 0
    for first in range(0, ns, _BLOCK):
        width = min(_BLOCK, ns - first)
        corner = at + first * ld + first
        doubtful += _factor_block(panels, corner, width, ld, box, number + first, tables, matrix)
        begin = first + width
        rows = at + begin * ld + first
        if begin < n:
            divide(routines, room, n - begin, width, panels, corner, ld, panels, rows, ld)
        if begin < ns:
            subtract_product(
                routines, room, n - begin, ns - begin, width, panels, rows, ld, panels, rows, ld,
                panels, at + begin * ld + begin, ld,
            )  # fmt: skip
    return doubtful


@numba.njit(cache=True, fastmath=_FASTMATH)
def _factor_block(panels, at, width, ld, box, number, tables, matrix):
    """Cholesky of a small block, row by row; entries right of its diagonal are not used."""
    coefficients, scale, floor = matrix
    doubtful = 0
    start = tables.boxes[box, NODES] + number
    for i in range(width):
        row = at + i * ld
        for j in range(i):
            other = at + j * ld
            total = panels[row + j]
            for k in range(j):
                total -= panels[row + k] * panels[other + k]
            panels[row + j] = total / panels[other + j]
        pivot = panels[row + i]
        for k in range(i):
            pivot -= panels[row + k] * panels[row + k]
        diagonal = coefficients[0, tables.boxes[box, BASE] + tables.nodes[start + i]] * scale
        if not pivot > floor * diagonal:
            pivot = panels.dtype.type(diagonal)
            doubtful += 1
        panels[row + i] = np.sqrt(pivot)
    return doubtful
