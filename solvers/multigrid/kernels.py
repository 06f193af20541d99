"""The multigrid V-cycle on packed levels: CPU kernels, defined by `solvers.multigrid.torch_levels`.

Cells are coloured like a chessboard, red where i + j + k is even and black elsewhere. A level is
laid out flat: cell (i, j, k) is number f = LEAD + (i + 1) plane + (j + 1) row + k + 1, where row
and plane are odd and leave room for zeros between rows and planes (a middle axis of one cell is
left out: row = plane). The parity of f is then the colour. Each colour is stored separately, as
entries h = f // 2, and the neighbours of an entry lie at the same distances everywhere, so a sweep
over a colour is one pass over contiguous memory, across rows. `spans` say which parts of the memory
hold cells with a diagonal; they begin and end at multiples of BLOCK entries.

The system is reduced to its black cells: on the finest level b is 0 on red cells, so the first and
the last red sweep can be skipped. Kernels take flat arguments; `packed_levels.Hierarchy` calls
`cycle`.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.multigrid import beside

RED, BLACK = 0, 1
# Kinds of sweeps, see `_sweep`.
BEGIN, RELAX, RESIDUAL = range(3)
# Columns of a level table.
NX, NY, NZ, ROW, PLANE, OFFSET, SIZE, WEIGHTS, UNIFORM = range(9)
# Entries of a block, and numbers left free before the first plane (and entries after the last) for
# what blocks hold beyond the cells.
BLOCK = 8
LEAD = 2 * BLOCK
# Number of parts that the spans and rows of a level are dealt into; smaller levels use one thread.
PARTS = 16
_LEAST_ENTRIES = 6000
# NaN and Inf keep their meaning. Only sums over a loop are reordered (SIMD lanes). If other code
# were, the process that compiles it would round differently from those that load it later, because
# LLVM optimises a function again wherever it is linked in.
FASTMATH = {"contract", "nsz"}
REDUCTION = FASTMATH | {"reassoc"}


@numba.njit(cache=True)
def values(flat, level):
    """A vector of one level: (2, entries), the two colours."""
    begin, size = 2 * level[OFFSET], level[SIZE]
    return flat[begin : begin + 2 * size].reshape(2, size)


@numba.njit(cache=True)
def flat(vector, level):
    """The same, as one row."""
    return vector[2 * level[OFFSET] : 2 * (level[OFFSET] + level[SIZE])]


@numba.njit(cache=True)
def couplings(flat, level):
    """Weights of one level towards the lower neighbours: (2, 3, entries), empty if it is uniform.

    On a uniform level all weights between cells are 1, and entries that are not cells hold 0.
    """
    size = 0 if level[UNIFORM] else level[SIZE]
    return flat[level[WEIGHTS] : level[WEIGHTS] + 6 * size].reshape(2, 3, size)


@numba.njit(cache=True)
def place(level, i, j, k):
    """Colour and entry of a cell."""
    f = LEAD + (i + 1) * level[PLANE] + (j + 1) * level[ROW] + k + 1
    return (f + 1) & 1, f >> 1


@numba.njit(cache=True)
def row_starts(level, i, j):
    """The red and black entries of cells 2 K and 2 K + 1 of a row are these plus K."""
    f = LEAD + (i + 1) * level[PLANE] + (j + 1) * level[ROW]
    return (f + 1) >> 1, (f + 2) >> 1


@numba.njit(cache=True)
def cycle(
    x, b, inverse, lower, scratch, table, spans, cuts, rows, row_cuts, factors, coarsest_sweeps,
    extra,
):  # fmt: skip
    """x = V-cycle of b on the flat arrays of a hierarchy, for the black b of the finest level.

    The red b of the finest level is 0, and its red x is not final. scratch: a vector of one colour
    of the finest level.
    factors: (2, sweeps, 2), over-relaxation of each sweep, red and black, on the finest level and
        on all others. Sweeps before the coarse correction do red cells first; those after it run
        in the opposite order, which makes the cycle symmetric. The last black factor is 1.
    extra: unknowns beside the levels, see `solvers.multigrid.pieces`.
    """
    beside.begin(extra)
    deepest = len(table) - 1
    # Without the casts each constant would be a type of its own and be compiled separately.
    relax, residual, red = np.int64(RELAX), np.int64(RESIDUAL), np.int64(RED)
    for index in range(deepest + 1):
        level, mine, own = table[index], cuts[index], factors[min(index, 1)]
        count = len(own) if index < deepest else coarsest_sweeps
        begin = BLACK if index == 0 else RED
        if index == deepest and beside.solve(extra, index, flat(x, level), flat(b, level)):
            break
        for half in range(begin, 2 * count):
            kind = BEGIN if half == begin else RELAX
            colour, factor = half & 1, own[min(half >> 1, len(own) - 1), half & 1]
            _sweep(kind, x, b, inverse, lower, scratch, level, spans, mine, colour, factor)
            if colour == RED:
                beside.relax(extra, index, flat(x, level), flat(b, level), False)
        if index < deepest:
            _sweep(residual, x, b, inverse, lower, scratch, level, spans, mine, red, own[0, red])
            beside.take_out(extra, index, scratch)
            _restrict(scratch, b, inverse, table, rows, row_cuts, index)
            beside.restrict(extra, index, flat(x, level), flat(b, table[index + 1]))
    for index in range(deepest, -1, -1):
        level, mine, own = table[index], cuts[index], factors[min(index, 1)]
        count = len(own) if index < deepest else coarsest_sweeps
        begin = BLACK if index == 0 else RED
        if index == deepest and beside.is_solved(extra):
            continue
        if index < deepest:
            _prolong(x, inverse, table, rows, row_cuts, index)
            coarse_x = flat(x, table[index + 1])
            beside.prolong(extra, index, flat(x, level), flat(b, level), coarse_x)
        for half in range(2 * count - 1, begin - 1, -1):
            colour, factor = half & 1, own[min(half >> 1, len(own) - 1), half & 1]
            if colour == RED:
                beside.relax(extra, index, flat(x, level), flat(b, level), True)
            _sweep(relax, x, b, inverse, lower, scratch, level, spans, mine, colour, factor)


@numba.njit(cache=True)
def parts_of(level):
    """Number of parts that the work of a level is dealt into."""
    return PARTS if level[SIZE] >= _LEAST_ENTRIES else 1


@numba.njit(cache=True, parallel=True)
def _sweep(kind, x, b, inverse, lower, residual, level, spans, cuts, colour, factor):
    """One pass over the cells of a colour of a level.

    BEGIN: relax them from x = 0. RELAX: x += factor ((b + sum w x_neighbour) / diagonal - x).
    RESIDUAL: residual = b + sum w x_neighbour - diagonal x.
    """
    weights = couplings(lower, level)
    xs, bs, inverses = values(x, level), values(b, level), values(inverse, level)
    if parts_of(level) == 1:
        mine = spans[cuts[0] : cuts[-1]]
        _sweep_spans(kind, xs, bs, inverses, weights, residual, level, mine, colour, factor)
    else:
        for part in numba.prange(PARTS):
            mine = spans[cuts[part] : cuts[part + 1]]
            _sweep_spans(kind, xs, bs, inverses, weights, residual, level, mine, colour, factor)


@numba.njit(cache=True, fastmath=FASTMATH, error_model="numpy")
def _sweep_spans(kind, xs, bs, inverses, weights, residual, level, spans, colour, factor):
    at, w, v = stencil(level, colour), weights[colour], weights[1 - colour]
    x, y, b, inverse = xs[colour], xs[1 - colour], bs[colour], inverses[colour]
    zero, one = np.float32(0.0), np.float32(1.0)
    keep = one - factor
    for s in range(len(spans)):
        first, last = spans[s, 0], spans[s, 1]
        if kind == BEGIN:
            for h in range(first, last):
                x[h] = factor * (inverse[h] * b[h])
                y[h] = zero
        elif kind == RELAX:
            for h in range(first, last):
                total = neighbour_sum(y, w, v, h, at)
                x[h] = keep * x[h] + factor * (inverse[h] * (b[h] + total))
        else:
            for h in range(first, last):
                known = inverse[h] > zero
                divisor = inverse[h] if known else one
                rest = b[h] + neighbour_sum(y, w, v, h, at) - x[h] / divisor
                residual[h] = rest if known else zero


@numba.njit(cache=True)
def stencil(level, colour):
    """What `neighbour_sum` needs to know of a level.

    Distances to the neighbours of an entry of a colour, below and above along each axis; 1 if there
    is a middle axis, else 0; whether the level is uniform.
    """
    half_plane, half_row = np.uint64(level[PLANE] >> 1), np.uint64(level[ROW] >> 1)
    none, one = np.uint64(0), np.uint64(1)
    middle = np.float32(1.0 if level[NY] > 1 else 0.0)
    low, high = (none, one) if colour == RED else (one, none)
    planes, rows = (half_plane + low, half_plane + high), (half_row + low, half_row + high)
    return planes, rows, (low, high), middle, level[UNIFORM] != 0


@numba.njit(cache=True, fastmath=FASTMATH)
def neighbour_sum(y, w, v, h, at):
    """Sum of w y over the neighbours of entry h; w, v: couplings of its colour and the other."""
    (p0, p1), (r0, r1), (c0, c1), middle, uniform = at
    if uniform:
        total = (y[h - p0] + y[h + p1]) + middle * (y[h - r0] + y[h + r1])
        return total + (y[h - c0] + y[h + c1])
    total = w[0, h] * y[h - p0] + v[0, h + p1] * y[h + p1]
    total += w[1, h] * y[h - r0] + v[1, h + r1] * y[h + r1]
    return total + (w[2, h] * y[h - c0] + v[2, h + c1] * y[h + c1])


@numba.njit(cache=True, parallel=True)
def _restrict(residual, b, inverse, table, rows, cuts, index):
    """b of the next coarser level: the residual summed over the cells of each aggregate.

    Black cells were relaxed last and have no residual.
    """
    fine, coarse = table[index], table[index + 1]
    first, last = cuts[index + 1, 0], cuts[index + 1, PARTS]
    if parts_of(fine) == 1:
        _restrict_rows(residual, b, inverse, fine, coarse, rows[first:last])
    else:
        for part in numba.prange(PARTS):
            mine = rows[cuts[index + 1, part] : cuts[index + 1, part + 1]]
            _restrict_rows(residual, b, inverse, fine, coarse, mine)


@numba.njit(cache=True)
def _restrict_rows(residual, b, inverse, fine, coarse, rows):
    target, inverses = values(b, coarse), values(inverse, fine)[RED]
    sums = np.empty(coarse[NZ], dtype=np.float32)
    for s in range(len(rows)):
        i, j, first, last = rows[s]
        sums[first:last] = np.float32(0.0)
        for fine_i in range(2 * i, min(2 * i + 2, fine[NX])):
            for fine_j in range(2 * j, min(2 * j + 2, fine[NY])):
                start = row_starts(fine, fine_i, fine_j)[RED]
                known = inverses[start + first : start + last]
                _add_known(sums[first:last], residual[start + first : start + last], known)
        for k in range(first, min(first + 2, last)):
            colour, h = place(coarse, i, j, k)
            half = target[colour, h : h + (last - k + 1) // 2]
            for n in range(len(half)):
                half[n] = sums[k + 2 * n]


@numba.njit(cache=True)
def _add_known(a, b, inverse):
    """a += b where there is a diagonal."""
    for k in range(len(a)):
        a[k] += b[k] if inverse[k] > 0 else np.float32(0.0)


@numba.njit(cache=True, parallel=True)
def _prolong(x, inverse, table, rows, cuts, index):
    """Add the correction of its aggregate to each red cell; black cells are relaxed next."""
    fine, coarse = table[index], table[index + 1]
    first, last = cuts[index + 1, 0], cuts[index + 1, PARTS]
    if parts_of(fine) == 1:
        _prolong_rows(x, inverse, fine, coarse, rows[first:last])
    else:
        for part in numba.prange(PARTS):
            mine = rows[cuts[index + 1, part] : cuts[index + 1, part + 1]]
            _prolong_rows(x, inverse, fine, coarse, mine)


@numba.njit(cache=True)
def _prolong_rows(x, inverse, fine, coarse, rows):
    xs, known = values(x, fine)[RED], values(inverse, fine)[RED]
    source = values(x, coarse)
    correction = np.empty(coarse[NZ], dtype=np.float32)
    for s in range(len(rows)):
        i, j, first, last = rows[s]
        for k in range(first, min(first + 2, last)):
            colour, h = place(coarse, i, j, k)
            half = source[colour, h : h + (last - k + 1) // 2]
            for n in range(len(half)):
                correction[k + 2 * n] = half[n]
        for fine_i in range(2 * i, min(2 * i + 2, fine[NX])):
            for fine_j in range(2 * j, min(2 * j + 2, fine[NY])):
                start = row_starts(fine, fine_i, fine_j)[RED]
                mine = slice(start + first, start + last)
                _add_known(xs[mine], correction[first:last], known[mine])
