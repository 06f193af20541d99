"""Vectors of CG beside a packed V-cycle: CPU kernels over rows.

CG keeps float64 vectors in the order of the grid (see `solvers.rows`); the V-cycle takes the
residual and returns its correction z in float32, packed by colours (see
`solvers.multigrid_kernels`). Sums are kept per row and added up in the order of the rows.
"""

from __future__ import annotations

import numba

_FASTMATH = {"reassoc", "contract", "nsz"}


@numba.njit(cache=True, parallel=True)
def reduce(a, q, alpha, r, scale, b, ny, width, spans, sums):
    """r = a - alpha q and b = scale r in the spans; sums[i] = (r, r) of span i.

    a, q and r are rows (a may be r), b is the packed vector of the finest level, (2, entries).
    ny: rows along the last axis but one. width: entries in a packed row.
    """
    for s in numba.prange(len(spans)):
        row, first, last = spans[s]
        residual = r[row, first:last]
        sums[s] = _subtract_multiple(a[row, first:last], alpha, q[row, first:last], residual)
        for k in range(first, min(first + 2, last)):
            colour, start, count = _locate(row, k, last, ny, width)
            _pack(b[colour, start : start + count], r[row, k:last], scale)


@numba.njit(cache=True, parallel=True)
def dot(r, z, ny, width, spans, sums):
    """sums[i] = (r, z) of span i; r rows, z packed."""
    for s in numba.prange(len(spans)):
        row, first, last = spans[s]
        total = 0.0
        for k in range(first, min(first + 2, last)):
            colour, start, count = _locate(row, k, last, ny, width)
            total += _dot(z[colour, start : start + count], r[row, k:last])
        sums[s] = total


@numba.njit(cache=True, parallel=True)
def turn(x, p, z, alpha, beta, ny, width, spans):
    """x += alpha p, then p = z + beta p in the spans; x and p padded rows, z packed."""
    for s in numba.prange(len(spans)):
        row, first, last = spans[s]
        for k in range(first, min(first + 2, last)):
            colour, start, count = _locate(row, k, last, ny, width)
            half = z[colour, start : start + count]
            _turn(x[row, k + 1 : last + 1], p[row, k + 1 : last + 1], half, alpha, beta)


@numba.njit(cache=True)
def _locate(row, k, last, ny, width):
    """Of every second cell from k to last: their colour, first packed entry and number."""
    i, j = row // ny, row % ny
    start = ((i + 1) * (ny + 2) + j + 1) * width + ((k + 2) >> 1)
    return (i + j + k) & 1, start, (last - k + 1) // 2


@numba.njit(cache=True, fastmath=_FASTMATH)
def _subtract_multiple(a, factor, b, result):
    total = 0.0
    for k in range(len(a)):
        value = a[k] - factor * b[k]
        result[k] = value
        total += value * value
    return total


@numba.njit(cache=True)
def _pack(half, row, scale):
    for h in range(len(half)):
        half[h] = scale * row[2 * h]


@numba.njit(cache=True, fastmath=_FASTMATH)
def _dot(half, row):
    total = 0.0
    for h in range(len(half)):
        total += half[h] * row[2 * h]
    return total


@numba.njit(cache=True)
def _turn(x, p, half, alpha, beta):
    for h in range(len(half)):
        x[2 * h] += alpha * p[2 * h]
        p[2 * h] = half[h] + beta * p[2 * h]
