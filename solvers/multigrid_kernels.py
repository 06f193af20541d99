"""The multigrid V-cycle on packed levels: CPU kernels, defined by `solvers.multigrid_torch`.

Cells are coloured like a chessboard, red (0) where i + j + k is even and black (1) elsewhere, and
the cells of a colour are stored side by side: cell k of row (i, j) is entry (k + 2) // 2 of that
row, and rows have a ring of zeros around them. A cell of one colour has neighbours of the other
colour only, and they lie at fixed distances, so a sweep over a colour is one pass over contiguous
memory. See `solvers.multigrid_levels` for the arrays.

Sums run in a fixed order in each cell: results do not depend on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

RED, BLACK = 0, 1
# Sums may be reordered (SIMD lanes), but NaN and Inf keep their meaning.
_FASTMATH = {"reassoc", "contract", "nsz"}
# Levels with fewer half rows than this are not worth waking the other threads for.
_SERIAL_SPANS = 96
# Parts that the spans of a level are dealt in.
_PARTS = 16


@numba.njit(cache=True)
def level(table, index):
    """nx, ny, nz, entries in a padded row, entries of a colour, offset, first and last span."""
    nx, ny, nz, offset, first, last = table[index]
    width = (nz + 1) // 2 + 2
    return nx, ny, nz, width, (nx + 2) * (ny + 2) * width, offset, first, last


@numba.njit(cache=True)
def values(flat, table, index):
    """A vector of one level: (2, entries), the two colours."""
    _, _, _, _, size, offset, _, _ = level(table, index)
    return flat[2 * offset : 2 * (offset + size)].reshape(2, size)


@numba.njit(cache=True)
def couplings(flat, table, index):
    """The weights of one level towards the lower neighbours: (2, 3, entries)."""
    _, _, _, _, size, offset, _, _ = level(table, index)
    return flat[6 * offset : 6 * (offset + size)].reshape(2, 3, size)


@numba.njit(cache=True)
def cycle(x, b, inverse, lower, table, spans, factors, coarsest_sweeps):
    """x = V-cycle of b, on the flat arrays of a hierarchy; b of the finest level is given.

    factors: (2, sweeps, 2): over-relaxation of each sweep, red and black, on the finest level and
        on all others. Sweeps before the coarse correction are red first; those after it run in
        the opposite order, which makes the cycle symmetric.
    """
    deepest = len(table) - 1
    for index in range(deepest + 1):
        own = factors[min(index, 1)]
        count = len(own) if index < deepest else coarsest_sweeps
        _begin(x, b, inverse, table, spans, index, own[0, RED])
        for half in range(1, 2 * count):
            colour, sweep = half & 1, min(half >> 1, len(own) - 1)
            factor = own[sweep, colour]
            _sweep(x, b, inverse, lower, table, spans, index, colour, factor)
        if index < deepest:
            _restrict(x, b, inverse, lower, table, spans, index)
    for index in range(deepest, -1, -1):
        own = factors[min(index, 1)]
        count = len(own) if index < deepest else coarsest_sweeps
        if index < deepest:
            _prolong(x, inverse, table, spans, index)
        for half in range(2 * count - 1, -1, -1):
            colour, sweep = half & 1, min(half >> 1, len(own) - 1)
            factor = own[sweep, colour]
            _sweep(x, b, inverse, lower, table, spans, index, colour, factor)


@numba.njit(cache=True, parallel=True)
def _begin(x, b, inverse, table, spans, index, factor):
    """The first red sweep, from x = 0."""
    _, _, _, _, _, _, first, last = level(table, index)
    xs, bs, inverses = (
        values(x, table, index),
        values(b, table, index),
        values(inverse, table, index),
    )
    parts = _PARTS if last - first >= _SERIAL_SPANS else 1
    if parts == 1:
        _begin_part(xs, bs, inverses, spans[first:last], factor)
    else:
        for part in numba.prange(parts):
            start, stop = _share(first, last, part, parts)
            _begin_part(xs, bs, inverses, spans[start:stop], factor)


@numba.njit(cache=True, parallel=True)
def _sweep(x, b, inverse, lower, table, spans, index, colour, factor):
    """Relax the cells of a colour: x += factor ((b + sum w x_neighbour) / diagonal - x)."""
    _, ny, _, width, _, _, first, last = level(table, index)
    xs, bs, inverses = (
        values(x, table, index),
        values(b, table, index),
        values(inverse, table, index),
    )
    weights = couplings(lower, table, index)
    plane = (ny + 2) * width
    parts = _PARTS if last - first >= _SERIAL_SPANS else 1
    if parts == 1:
        _sweep_part(xs, bs, inverses, weights, spans[first:last], plane, width, colour, factor)
    else:
        for part in numba.prange(parts):
            start, stop = _share(first, last, part, parts)
            mine = spans[start:stop]
            _sweep_part(xs, bs, inverses, weights, mine, plane, width, colour, factor)


@numba.njit(cache=True, parallel=True)
def _restrict(x, b, inverse, lower, table, spans, index):
    """b of the next coarser level: the residual summed over the cells of each aggregate.

    The black cells, relaxed last, have none.
    """
    _, _, _, _, _, _, first, last = level(table, index + 1)
    parts = _PARTS if last - first >= _SERIAL_SPANS else 1
    if parts == 1:
        _restrict_part(x, b, inverse, lower, table, spans[first:last], index)
    else:
        for part in numba.prange(parts):
            start, stop = _share(first, last, part, parts)
            _restrict_part(x, b, inverse, lower, table, spans[start:stop], index)


@numba.njit(cache=True, parallel=True)
def _prolong(x, inverse, table, spans, index):
    """Add to each cell the correction of its aggregate on the next coarser level."""
    _, _, _, _, _, _, first, last = level(table, index + 1)
    parts = _PARTS if last - first >= _SERIAL_SPANS else 1
    if parts == 1:
        _prolong_part(x, inverse, table, spans[first:last], index)
    else:
        for part in numba.prange(parts):
            start, stop = _share(first, last, part, parts)
            _prolong_part(x, inverse, table, spans[start:stop], index)


@numba.njit(cache=True)
def _share(first, last, part, parts):
    count = last - first
    return first + count * part // parts, first + count * (part + 1) // parts


@numba.njit(cache=True)
def _begin_part(x, b, inverse, spans, factor):
    for s in range(len(spans)):
        _, _, a, e = spans[s]
        _first_row(x[RED, a:e], b[RED, a:e], inverse[RED, a:e], factor)
        x[BLACK, a:e] = 0.0


@numba.njit(cache=True)
def _sweep_part(x, b, inverse, weights, spans, plane, width, colour, factor):
    other = 1 - colour
    y, w = x[other], weights[colour]
    across, along = weights[other], weights[other, 2]
    for s in range(len(spans)):
        i, j, a, e = spans[s]
        shift = (i + j + colour) & 1
        _relax_row(
            x[colour, a:e],
            b[colour, a:e],
            inverse[colour, a:e],
            factor,
            y[a - plane : e - plane],
            y[a + plane : e + plane],
            y[a - width : e - width],
            y[a + width : e + width],
            y[a + shift - 1 : e + shift - 1],
            y[a + shift : e + shift],
            w[0, a:e],
            across[0, a + plane : e + plane],
            w[1, a:e],
            across[1, a + width : e + width],
            w[2, a:e],
            along[a + shift : e + shift],
        )


@numba.njit(cache=True, fastmath=_FASTMATH)
def _first_row(x, b, inverse, factor):
    for h in range(len(x)):
        x[h] = factor * (inverse[h] * b[h])


@numba.njit(cache=True, fastmath=_FASTMATH)
def _relax_row(x, b, inverse, factor, y0, y1, y2, y3, y4, y5, w0, w1, w2, w3, w4, w5):
    for h in range(len(x)):
        total = (
            (w0[h] * y0[h] + w1[h] * y1[h])
            + (w2[h] * y2[h] + w3[h] * y3[h])
            + (w4[h] * y4[h] + w5[h] * y5[h])
        )
        x[h] += factor * (inverse[h] * (b[h] + total) - x[h])


@numba.njit(cache=True)
def _restrict_part(x, b, inverse, lower, table, spans, index):
    nx, ny, _, width, _, _, _, _ = level(table, index)
    _, coarse_ny, _, coarse_width, _, _, _, _ = level(table, index + 1)
    xs, bs, inverses = (
        values(x, table, index),
        values(b, table, index),
        values(inverse, table, index),
    )
    weights, coarse = couplings(lower, table, index), values(b, table, index + 1)
    y, w, v = xs[BLACK], weights[RED], weights[BLACK]
    plane = (ny + 2) * width
    sums = np.empty(width, dtype=np.float32)
    for s in range(len(spans)):
        i, j, a, e = spans[s]
        row = ((i + 1) * (coarse_ny + 2) + j + 1) * coarse_width
        first, last = 2 * (a - row) - 1, min(2 * (e - row) - 1, width - 1)
        total = sums[: last - first]
        total[:] = 0.0
        for fine_i in range(2 * i, min(2 * i + 2, nx)):
            for fine_j in range(2 * j, min(2 * j + 2, ny)):
                fine_row = ((fine_i + 1) * (ny + 2) + fine_j + 1) * width
                f, g = fine_row + first, fine_row + last
                shift = (fine_i + fine_j) & 1
                _add_residual(
                    total,
                    xs[RED, f:g],
                    bs[RED, f:g],
                    inverses[RED, f:g],
                    y[f - plane : g - plane],
                    y[f + plane : g + plane],
                    y[f - width : g - width],
                    y[f + width : g + width],
                    y[f + shift - 1 : g + shift - 1],
                    y[f + shift : g + shift],
                    w[0, f:g],
                    v[0, f + plane : g + plane],
                    w[1, f:g],
                    v[1, f + width : g + width],
                    w[2, f:g],
                    v[2, f + shift : g + shift],
                )
        for colour in range(2):
            start = (i + j + colour) & 1
            _split(coarse[colour, a:e], total[start:])


@numba.njit(cache=True, fastmath=_FASTMATH, error_model="numpy")
def _add_residual(out, x, b, inverse, y0, y1, y2, y3, y4, y5, w0, w1, w2, w3, w4, w5):
    for h in range(len(x)):
        total = (
            (w0[h] * y0[h] + w1[h] * y1[h])
            + (w2[h] * y2[h] + w3[h] * y3[h])
            + (w4[h] * y4[h] + w5[h] * y5[h])
        )
        known = inverse[h] > 0
        divisor = inverse[h] if known else np.float32(1.0)
        out[h] += b[h] + total - x[h] / divisor if known else np.float32(0.0)


@numba.njit(cache=True)
def _split(half, row):
    """half = every second entry of row, as far as there are."""
    for h in range(min(len(half), (len(row) + 1) // 2)):
        half[h] = row[2 * h]


@numba.njit(cache=True)
def _prolong_part(x, inverse, table, spans, index):
    nx, ny, _, width, _, _, _, _ = level(table, index)
    _, coarse_ny, _, coarse_width, _, _, _, _ = level(table, index + 1)
    xs, inverses = values(x, table, index), values(inverse, table, index)
    coarse = values(x, table, index + 1)
    sums = np.empty(width + 1, dtype=np.float32)
    for s in range(len(spans)):
        i, j, a, e = spans[s]
        row = ((i + 1) * (coarse_ny + 2) + j + 1) * coarse_width
        first, last = 2 * (a - row) - 1, min(2 * (e - row) - 1, width - 1)
        for colour in range(2):
            start = (i + j + colour) & 1
            for h in range(e - a):
                sums[min(2 * h + start, width)] = coarse[colour, a + h]
        for fine_i in range(2 * i, min(2 * i + 2, nx)):
            for fine_j in range(2 * j, min(2 * j + 2, ny)):
                fine_row = ((fine_i + 1) * (ny + 2) + fine_j + 1) * width
                f, g = fine_row + first, fine_row + last
                for colour in range(2):
                    _add_known(xs[colour, f:g], inverses[colour, f:g], sums)


@numba.njit(cache=True)
def _add_known(x, inverse, correction):
    for h in range(len(x)):
        x[h] += correction[h] if inverse[h] > 0 else np.float32(0.0)
