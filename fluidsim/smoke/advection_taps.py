"""The points that one interpolation reads, for the adjoint of advection (see advection_torch.py).

There are four on each of three axes: before, at, after and beyond. weights, slopes: (3, 4), of the
points and by the position. offsets: (3, 4) int64, from the lowest of the points around. steps: (3,)
int64, to the upper corners.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401


@numba.njit(cache=True)
def set_taps(k, x, on_faces, cells, stride, sharp, weights, slopes, offsets):
    """Set the weights, their slopes and the offsets of axis k; returns the lowest point.

    x: cells. Where the points on this axis are one, and beyond the rim, the slopes are 0.
    """
    top = cells if on_faces else cells - 1
    shifted = x if on_faces else x - 0.5
    here = min(max(shifted, 0.0), float(top))
    lower = min(np.int64(here), max(top - 1, 0))
    p, step = here - lower, stride * min(top, 1)
    moves = 1.0 if top > 0 and 0 <= shifted <= top else 0.0
    if sharp:
        weights[k, 0] = p * (-0.5 + p * (1 - 0.5 * p))
        weights[k, 1] = 1 + p * p * (-2.5 + 1.5 * p)
        weights[k, 2] = p * (0.5 + p * (2 - 1.5 * p))
        weights[k, 3] = p * p * (-0.5 + 0.5 * p)
        slopes[k, 0] = moves * (-0.5 + p * (2 - 1.5 * p))
        slopes[k, 1] = moves * p * (-5 + 4.5 * p)
        slopes[k, 2] = moves * (0.5 + p * (4 - 4.5 * p))
        slopes[k, 3] = moves * p * (-1 + 1.5 * p)
    else:
        weights[k, 1], weights[k, 2] = 1 - p, p
        slopes[k, 1], slopes[k, 2] = -moves, moves
    first, last = np.inf, -np.inf
    if top + 1 > 2:
        first = 1.0 if on_faces else 1.5
        last = cells - first
    offsets[k, 0] = -step if x >= first else 0
    offsets[k, 1], offsets[k, 2] = 0, step
    offsets[k, 3] = 2 * step if x < last else step
    return lower


@numba.njit(cache=True)
def set_sums(field, base, weights, slopes, offsets, sums):
    """Set `sums` (4,): the slopes of the interpolated value along the three axes, and itself."""
    w0, w1, w2, w3 = weights[2, 0], weights[2, 1], weights[2, 2], weights[2, 3]
    s0, s1, s2, s3 = slopes[2, 0], slopes[2, 1], slopes[2, 2], slopes[2, 3]
    o0, o2, o3 = offsets[2, 0], offsets[2, 2], offsets[2, 3]
    along_x = along_y = along_z = total = weights[0, 0] * 0
    for i in range(4):
        weight, slope = weights[0, i], slopes[0, i]
        if weight == 0 and slope == 0:
            continue
        for j in range(4):
            if weights[1, j] == 0 and slopes[1, j] == 0:
                continue
            here = base + offsets[0, i] + offsets[1, j]
            f0, f1 = field[np.uint64(here + o0)], field[np.uint64(here)]
            f2, f3 = field[np.uint64(here + o2)], field[np.uint64(here + o3)]
            value = f0 * w0 + f1 * w1 + f2 * w2 + f3 * w3
            part = value * weights[1, j]
            total += weight * part
            along_x += slope * part
            along_y += weight * slopes[1, j] * value
            along_z += weight * weights[1, j] * (f0 * s0 + f1 * s1 + f2 * s2 + f3 * s3)
    sums[0], sums[1], sums[2], sums[3] = along_x, along_y, along_z, total


@numba.njit(cache=True)
def add_taps(given, base, weights, offsets, of_field):
    """Add `given` times the weights to the points."""
    w0, w1, w2, w3 = weights[2, 0], weights[2, 1], weights[2, 2], weights[2, 3]
    o0, o2, o3 = offsets[2, 0], offsets[2, 2], offsets[2, 3]
    for i in range(4):
        for j in range(4):
            if weights[0, i] == 0 or weights[1, j] == 0:
                continue
            part = given * weights[0, i] * weights[1, j]
            here = base + offsets[0, i] + offsets[1, j]
            of_field[np.uint64(here + o0)] += part * w0
            of_field[np.uint64(here)] += part * w1
            of_field[np.uint64(here + o2)] += part * w2
            of_field[np.uint64(here + o3)] += part * w3


@numba.njit(cache=True)
def limit_of(field, base, steps, value):
    """Whether a value leaves the range of the corners, and the end of the range there; a range of
    one value limits nothing."""
    low = high = field[base]
    for corner in range(8):
        there = field[_corner(base, steps, corner)]
        low, high = min(low, there), max(high, there)
    limited = low != high and (value < low or value > high)
    return limited, low if value < low else high


@numba.njit(cache=True)
def spread(given, limit, field, base, steps, of_field):
    """Give the corners with the limiting value equal parts of the gradient."""
    found = 0
    for corner in range(8):
        found += field[_corner(base, steps, corner)] == limit
    for corner in range(8):
        place = _corner(base, steps, corner)
        if field[place] == limit:
            of_field[place] += given / found


@numba.njit(cache=True)
def _corner(base, steps, corner):
    return base + steps[0] * (corner >> 2) + steps[1] * (corner >> 1 & 1) + steps[2] * (corner & 1)
