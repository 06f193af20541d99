"""Vectors of the packed CG: CPU kernels.

CG runs on the black cells of the finest level (see `solvers.multigrid.kernels`), on the system
from which the red cells are eliminated: r, q and z are float32, x and p float64. Pressure,
right-hand side and true residual are float64 rows in grid order (see `solvers.row_layout`).
Sums are kept per span or row and added up in order. Kernels take flat arguments; `PackedSpace`
calls them.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.multigrid.kernels import (
    BLACK,
    FASTMATH,
    NY,
    PARTS,
    RED,
    REDUCTION,
    neighbour_sum,
    place,
    stencil,
)  # fmt: skip


@numba.njit(cache=True, parallel=True)
def split(r, scale, red, black, level, rows, sums):
    """Split rows into the two colours, times scale; sums[i] = (r, r) of RowLayout.spans[i]."""
    for s in numba.prange(len(rows)):
        row, first, last = rows[s]
        i, j = row // level[NY], row % level[NY]
        for k in range(first, min(first + 2, last)):
            colour, h = place(level, i, j, k)
            half = (red if colour == RED else black)[h : h + (last - k + 1) // 2]
            _split_row(half, r[row, k:last], scale)
        sums[s] = _square(r[row, first:last])


@numba.njit(cache=True)
def _split_row(half, row, scale):
    for n in range(len(half)):
        half[n] = scale * row[2 * n]


@numba.njit(cache=True, fastmath=REDUCTION)
def _square(row):
    total = 0.0
    for k in range(len(row)):
        total += row[k] * row[k]
    return total


@numba.njit(cache=True, parallel=True)
def add_joined(x, scale, red, black, level, rows):
    """Add the two colours, times scale, to padded rows."""
    for s in numba.prange(len(rows)):
        row, first, last = rows[s]
        i, j = row // level[NY], row % level[NY]
        for k in range(first, min(first + 2, last)):
            colour, h = place(level, i, j, k)
            half = (red if colour == RED else black)[h : h + (last - k + 1) // 2]
            _add_half(x[row, k + 1 : last + 1], half, scale)


@numba.njit(cache=True)
def _add_half(row, half, scale):
    for n in range(len(half)):
        row[2 * n] += scale * half[n]


@numba.njit(cache=True, parallel=True)
def eliminate(b, red, scratch, inverses, weights, level, spans, cuts):
    """b of the reduced system from both colours of the full one: b += sum w red / d."""
    for part in numba.prange(PARTS):
        _multiply(red, inverses[RED], scratch, spans[cuts[part] : cuts[part + 1]])
    for part in numba.prange(PARTS):
        mine = spans[cuts[part] : cuts[part + 1]]
        _eliminate_spans(b, scratch, inverses[BLACK], weights, level, mine)


@numba.njit(cache=True)
def _multiply(a, b, result, spans):
    for s in range(len(spans)):
        for h in range(spans[s, 0], spans[s, 1]):
            result[h] = a[h] * b[h]


@numba.njit(cache=True, fastmath=FASTMATH)
def _eliminate_spans(b, y, inverse, weights, level, spans):
    at, w, v = stencil(level, BLACK), weights[BLACK], weights[RED]
    for s in range(len(spans)):
        for h in range(spans[s, 0], spans[s, 1]):
            total = neighbour_sum(y, w, v, h, at)
            b[h] += total if inverse[h] > 0 else np.float32(0.0)


@numba.njit(cache=True, parallel=True)
def satisfy_red(red, b, inverse, black, weights, level, spans, cuts):
    """The red values that satisfy their equations given the black ones: d red = b + sum w black.

    They are float64: red needs more digits than a correction in float32 has.
    """
    for part in numba.prange(PARTS):
        mine = spans[cuts[part] : cuts[part + 1]]
        _satisfy_spans(red, b, inverse, black, weights, level, mine)


@numba.njit(cache=True, fastmath=FASTMATH, error_model="numpy")
def _satisfy_spans(x, b, inverse, y, weights, level, spans):
    at, w, v = stencil(level, RED), weights[RED], weights[BLACK]
    one = np.float32(1.0)
    for s in range(len(spans)):
        for h in range(spans[s, 0], spans[s, 1]):
            known = inverse[h] > 0
            diagonal = one / (inverse[h] if known else one)
            total = np.float64(b[h]) + neighbour_sum(y, w, v, h, at)
            x[h] = total / np.float64(diagonal) if known else 0.0


@numba.njit(cache=True, parallel=True)
def product(q, p, red, inverse, weights, level, spans, cuts, sums):
    """q = A p of the reduced system, with red from `satisfy_red`; sums: (p, q) of each span.

    q is float32 but correct in all its digits, so that r follows the true residual.
    """
    for part in numba.prange(PARTS):
        _product_spans(q, p, red, inverse, weights, level, spans, cuts[part], cuts[part + 1], sums)


@numba.njit(cache=True, fastmath=REDUCTION, error_model="numpy")
def _product_spans(q, p, y, inverse, weights, level, spans, begin, end, sums):
    at, w, v = stencil(level, BLACK), weights[BLACK], weights[RED]
    one = np.float32(1.0)
    for s in range(begin, end):
        pq = 0.0
        for h in range(spans[s, 0], spans[s, 1]):
            known = inverse[h] > 0
            diagonal = one / (inverse[h] if known else one)
            value = np.float64(diagonal) * p[h] - neighbour_sum(y, w, v, h, at)
            value = value if known else 0.0
            q[h] = value
            pq += value * p[h]
        sums[s] = pq


@numba.njit(cache=True, parallel=True)
def step(x, p, r, q, alpha, spans, sums):
    """x += alpha p, in float64, and r -= alpha q; sums[s] = (r, r) of span s."""
    for s in numba.prange(len(spans)):
        sums[s] = _step(x, p, r, q, alpha, spans[s, 0], spans[s, 1])


@numba.njit(cache=True, fastmath=REDUCTION)
def _step(x, p, r, q, alpha, first, last):
    total, single = 0.0, np.float32(alpha)
    for h in range(first, last):
        x[h] += alpha * p[h]
        r[h] -= single * q[h]
        total += np.float64(r[h]) * np.float64(r[h])
    return total


@numba.njit(cache=True, parallel=True)
def dot(a, b, spans, sums):
    """sums[s] = (a, b) of span s."""
    for s in numba.prange(len(spans)):
        sums[s] = _dot(a, b, spans[s, 0], spans[s, 1])


@numba.njit(cache=True, fastmath=REDUCTION)
def _dot(a, b, first, last):
    total = 0.0
    for h in range(first, last):
        total += np.float64(a[h]) * np.float64(b[h])
    return total


@numba.njit(cache=True, parallel=True)
def turn(p, z, beta, spans):
    """p = z + beta p."""
    for s in numba.prange(len(spans)):
        _turn(p, z, beta, spans[s, 0], spans[s, 1])


@numba.njit(cache=True)
def _turn(p, z, beta, first, last):
    for h in range(first, last):
        p[h] = np.float64(z[h]) + beta * p[h]
