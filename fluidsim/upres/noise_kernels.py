"""The potential of the turbulence at the points of a fine grid."""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401


@numba.njit(cache=True, parallel=True, error_model="numpy")
def add_noise(out, offset, factor, tile, shifts, ways, weights, bands, coarsest):
    """Add bands of noise at texture coordinates to a field.

    out      (a, b, c) float32: at points `offset` (3,) away from the nodes, in fine cells
    factor   fine cells in a coarse one
    tile     (n, n, n) float32: coefficients of quadratic splines, periodic; n: powers of two
    shifts   (layers, bands, 3): of the noise, in its points
    ways     (layers, 3, *coarse) float32: from points to their texture coordinates, coarse cells
    weights  (layers, *coarse) float32: of the noise
    bands    (bands,) float32: of each band, whose points lie half as far apart as in the last one
    coarsest coarse cells between the points of the first band
    Axes that a plane does not have are first, and one point long.
    """
    n = weights.shape[3]
    for task in numba.prange(out.shape[0] * out.shape[1]):
        i, j = task // out.shape[1], task % out.shape[1]
        amounts, lines = np.empty(n, np.float32), np.empty((3, n), np.float32)
        spline, places = np.empty((3, 3), np.float32), np.empty((3, 3), np.int64)
        x, y = (i + offset[0]) / factor - 0.5, (j + offset[1]) / factor - 0.5
        for layer in range(len(weights)):
            _set_line(weights[layer], x, y, amounts)
            if not amounts.any():
                continue
            for axis in range(3):
                _set_line(ways[layer, axis], x, y, lines[axis])
            for k in range(out.shape[2]):
                z = (k + offset[2]) / factor - 0.5
                low, part = _located(z, n)
                high = min(low + 1, n - 1)
                amount = amounts[low] + part * (amounts[high] - amounts[low])
                if amount == 0:
                    continue
                a = x + lines[0, low] + part * (lines[0, high] - lines[0, low])
                b = y + lines[1, low] + part * (lines[1, high] - lines[1, low])
                c = z + lines[2, low] + part * (lines[2, high] - lines[2, low])
                finer, total = 1.0 / coarsest, np.float32(0.0)
                for band in range(len(bands)):
                    shift = shifts[layer, band]
                    _weigh(a * finer + shift[0], tile.shape[0], places[0], spline[0])
                    _weigh(b * finer + shift[1], tile.shape[1], places[1], spline[1])
                    _weigh(c * finer + shift[2], tile.shape[2], places[2], spline[2])
                    total += bands[band] * _spline_value(tile, places, spline)
                    finer *= 2.0
                out[i, j, k] += amount * total


@numba.njit(cache=True, error_model="numpy")
def _located(x, n):
    """The coarse cell before a point on an axis, and the part of the way to the next one."""
    x = min(max(x, 0.0), n - 1.0)
    low = min(int(x), max(n - 2, 0))
    return low, np.float32(x - low)


@numba.njit(cache=True, error_model="numpy")
def _set_line(field, x, y, line):
    """A coarse field along its last axis, linearly between the lines around."""
    i, p = _located(x, field.shape[0])
    j, q = _located(y, field.shape[1])
    ii, jj = min(i + 1, field.shape[0] - 1), min(j + 1, field.shape[1] - 1)
    for k in range(len(line)):
        a = field[i, j, k] + q * (field[i, jj, k] - field[i, j, k])
        b = field[ii, j, k] + q * (field[ii, jj, k] - field[ii, j, k])
        line[k] = a + p * (b - a)


@numba.njit(cache=True, error_model="numpy")
def _weigh(x, n, places, spline):
    """The three splines of n that are not zero at x: their places, and their values there."""
    middle = np.floor(x + 0.5)
    t = np.float32(middle + 0.5 - x)
    first = np.int64(middle) - 1
    for k in range(3):
        places[k] = (first + k) & (n - 1)
    spline[0] = np.float32(0.5) * t * t
    spline[2] = np.float32(0.5) * (1 - t) * (1 - t)
    spline[1] = 1 - spline[0] - spline[2]


@numba.njit(cache=True, error_model="numpy")
def _spline_value(tile, places, spline):
    total = np.float32(0.0)
    for i in range(3):
        for j in range(3):
            row = tile[places[0, i], places[1, j]]
            line = np.float32(0.0)
            for k in range(3):
                line += spline[2, k] * row[places[2, k]]
            total += spline[0, i] * spline[1, j] * line
    return total
