"""Setup of the packed multigrid levels: CPU kernels.

A level is described by its moments, float32 (nx, ny, nz, 8) in grid order, and packed from them in
the layout of `solvers.multigrid.kernels`.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.multigrid.kernels import NX, NY, NZ, PARTS, UNIFORM, place
from solvers.row_layout import active_part

# Moments of an aggregate: weights towards the lower neighbours (summed from the finest level),
# weights towards p = 0, number of active cells, and their mean position relative to the centre of
# the aggregate, in cells of the finest level.
RAW, HELD, MASS, CENTRE, MOMENTS = 0, 3, 4, 5, 8
# Diagonals (of weights scaled to about 1) below this cannot be inverted in float32.
SMALLEST_DIAGONAL = 1e-37


@numba.njit(cache=True, parallel=True)
def weight_ranges(active, w0, w1, w2):
    """Per row: largest weight around an active cell; smallest and largest between two of them."""
    nx, ny, nz = active.shape
    result = np.empty((nx * ny, 3))
    for row in numba.prange(nx * ny):
        i, j = row // ny, row % ny
        most, least_inner, most_inner = 0.0, np.inf, 0.0
        for k in range(nz):
            if active[i, j, k]:
                most = max(most, w0[i, j, k], w0[i + 1, j, k])
                most = max(most, w1[i, j, k], w1[i, j + 1, k])
                most = max(most, w2[i, j, k], w2[i, j, k + 1])
                if i > 0 and active[i - 1, j, k]:
                    least_inner = min(least_inner, w0[i, j, k])
                    most_inner = max(most_inner, w0[i, j, k])
                if j > 0 and active[i, j - 1, k]:
                    least_inner = min(least_inner, w1[i, j, k])
                    most_inner = max(most_inner, w1[i, j, k])
                if k > 0 and active[i, j, k - 1]:
                    least_inner = min(least_inner, w2[i, j, k])
                    most_inner = max(most_inner, w2[i, j, k])
        result[row, 0], result[row, 1], result[row, 2] = most, least_inner, most_inner
    return result


@numba.njit(cache=True, parallel=True)
def fill_finest(active, w0, w1, w2, scale, level, inverse, lower, moments):
    """Inverse diagonal and couplings of the finest level, and the moments of the next one.

    A kernel with flat arguments; `packed_levels.Hierarchy` calls it.
    """
    cx, cy = moments.shape[:2]
    for part in numba.prange(PARTS):
        first, last = cx * cy * part // PARTS, cx * cy * (part + 1) // PARTS
        _fill_rows(active, w0, w1, w2, scale, level, inverse, lower, moments, first, last)


@numba.njit(cache=True)
def _fill_rows(active, w0, w1, w2, scale, level, inverse, lower, moments, first, last):
    nx, ny, nz = active.shape
    cy = moments.shape[1]
    nothing = np.zeros(nz, dtype=np.bool_)
    padded = np.zeros(nz + 2, dtype=np.bool_)
    # One entry more than cells: the last aggregate may lack a cell.
    low = np.zeros((3, nz + 1), dtype=np.float32)
    held, diagonal = np.zeros(nz + 1, dtype=np.float32), np.zeros(nz + 1, dtype=np.float32)
    for index in range(first, last):
        i, j = index // cy, index % cy
        sums = moments[i, j]
        sums[:] = np.float32(0.0)
        for a in range(2 * i, min(2 * i + 2, nx)):
            for b in range(2 * j, min(2 * j + 2, ny)):
                for k in range(nz):  # a slice of another array takes numba 5 s to compile
                    padded[k + 1] = active[a, b, k]
                diagonal[:] = np.float32(0.0)
                low[:], held[:] = np.float32(0.0), np.float32(0.0)
                begin, end = active_part(active[a, b])
                m = slice(begin, end)
                here = padded[begin : end + 2]
                _fill_along(here, w2[a, b, begin : end + 1], scale, low[2, m], held[m], diagonal[m])
                below = active[a - 1, b] if a > 0 else nothing
                above = active[a + 1, b] if a < nx - 1 else nothing
                across = below[m], above[m], w0[a, b, m], w0[a + 1, b, m]
                _fill_across(*across, scale, low[0, m], held[m], diagonal[m])
                below = active[a, b - 1] if b > 0 else nothing
                above = active[a, b + 1] if b < ny - 1 else nothing
                across = below[m], above[m], w1[a, b, m], w1[a, b + 1, m]
                _fill_across(*across, scale, low[1, m], held[m], diagonal[m])
                _invert_row(here, diagonal[m], low[:, m], held[m])
                for k in range(min(nz, 2)):
                    colour, h = place(level, a, b, k)
                    half = slice(h, h + (nz - k + 1) // 2)
                    _split_row(inverse[colour, half], diagonal[k:])
                    if not level[UNIFORM]:
                        for axis in range(3):
                            _split_row(lower[colour, axis, half], low[axis, k:])
                around = slice(begin // 2, (end + 1) // 2)
                m = slice(begin // 2 * 2, (end + 1) // 2 * 2)
                parts = low[:, m], held[m], diagonal[m]
                add_row(sums[around], *parts, a - 2 * i, b - 2 * j)
        for k in range(len(sums)):
            mass = max(sums[k, MASS], np.float32(1.0))
            for axis in range(3):
                sums[k, CENTRE + axis] /= mass


@numba.njit(cache=True)
def _fill_along(here, w, scale, low, held, diagonal):
    """Scaled couplings, weights towards p = 0, and diagonal along the row; `here` is padded."""
    zero = np.float32(0.0)
    for k in range(len(here) - 2):
        below, above = np.float32(scale * w[k]), np.float32(scale * w[k + 1])
        low[k] = below if here[k] else zero
        held[k] = (zero if here[k] else below) + (zero if here[k + 2] else above)
        diagonal[k] = below + above


@numba.njit(cache=True)
def _fill_across(active_below, active_above, below, above, scale, low, held, diagonal):
    """Add the contributions of another axis."""
    zero = np.float32(0.0)
    for k in range(len(below)):
        b, a = np.float32(scale * below[k]), np.float32(scale * above[k])
        low[k] = b if active_below[k] else zero
        held[k] += (zero if active_below[k] else b) + (zero if active_above[k] else a)
        diagonal[k] += b + a


@numba.njit(cache=True, error_model="numpy")
def _invert_row(here, diagonal, low, held):
    """Replace the diagonal by its inverse; everything is 0 where it cannot be inverted."""
    zero, one = np.float32(0.0), np.float32(1.0)
    for k in range(len(here) - 2):
        known = here[k + 1] and diagonal[k] > SMALLEST_DIAGONAL
        diagonal[k] = one / diagonal[k] if known else zero
        held[k] = held[k] if known else zero
        for axis in range(3):
            low[axis, k] = low[axis, k] if known else zero


@numba.njit(cache=True)
def _split_row(half, row):
    """Every second entry."""
    for n in range(len(half)):
        half[n] = row[2 * n]


@numba.njit(cache=True)
def add_row(sums, low, held, inverse, a, b):
    """Add a row of cells to the moments of its aggregates; a, b: its place in them, 0 or 1."""
    zero, one, half = np.float32(0.0), np.float32(1.0), np.float32(0.5)
    lowest_a, lowest_b = (one if a == 0 else zero), (one if b == 0 else zero)
    for k in range(len(sums)):
        e, o = 2 * k, 2 * k + 1
        first, second = (one if inverse[e] > 0 else zero), (one if inverse[o] > 0 else zero)
        mass = first + second
        sums[k, RAW] += lowest_a * (low[0, e] + low[0, o])
        sums[k, RAW + 1] += lowest_b * (low[1, e] + low[1, o])
        sums[k, RAW + 2] += low[2, e]
        sums[k, HELD] += held[e] + held[o]
        sums[k, MASS] += mass
        sums[k, CENTRE] += mass * (np.float32(a) - half)
        sums[k, CENTRE + 1] += mass * (np.float32(b) - half)
        sums[k, CENTRE + 2] += half * (second - first)


@numba.njit(cache=True, parallel=True)
def aggregate(fine, coarse, spacing):
    """Moments of a coarse level from those of the finer one.

    spacing: cells of the finest level along an aggregate of the fine one.
    """
    nx, ny, nz = fine.shape[:3]
    cx, cy, cz = coarse.shape[:3]
    for row in numba.prange(cx * cy):
        i, j = row // cy, row % cy
        for k in range(cz):
            sums = coarse[i, j, k]
            sums[:] = np.float32(0.0)
            for a in range(2 * i, min(2 * i + 2, nx)):
                for b in range(2 * j, min(2 * j + 2, ny)):
                    for c in range(2 * k, min(2 * k + 2, nz)):
                        part = fine[a, b, c]
                        mass = part[MASS]
                        if mass == 0:
                            continue
                        if a == 2 * i:
                            sums[RAW] += part[RAW]
                        if b == 2 * j:
                            sums[RAW + 1] += part[RAW + 1]
                        if c == 2 * k:
                            sums[RAW + 2] += part[RAW + 2]
                        sums[HELD] += part[HELD]
                        sums[MASS] += mass
                        at = part[CENTRE] + spacing * np.float32(a - 2 * i - 0.5)
                        sums[CENTRE] += mass * at
                        at = part[CENTRE + 1] + spacing * np.float32(b - 2 * j - 0.5)
                        sums[CENTRE + 1] += mass * at
                        at = part[CENTRE + 2] + spacing * np.float32(c - 2 * k - 0.5)
                        sums[CENTRE + 2] += mass * at
            if sums[MASS] > 0:
                for axis in range(3):
                    sums[CENTRE + axis] /= sums[MASS]


@numba.njit(cache=True, parallel=True)
def pack(moments, spacing, factor, level, inverse, lower):
    """Couplings and inverse diagonal of a coarse level.

    A coupling is the raw sum divided by the distance between the centroids of the active cells;
    weights towards p = 0 are multiplied by factor. spacing: cells of the finest level along a cell.
    """
    nx, ny, nz = level[NX], level[NY], level[NZ]
    for row in numba.prange(nx * ny):
        i, j = row // ny, row % ny
        for k in range(nz):
            colour, h = place(level, i, j, k)
            here = moments[i, j, k]
            if here[MASS] == 0:
                inverse[colour, h] = np.float32(0.0)
                lower[colour, :, h] = np.float32(0.0)
                continue
            total = factor * here[HELD]
            for axis in range(3):
                below = _coupling(moments, i, j, k, axis, spacing)
                lower[colour, axis, h] = below
                total += below
            if i < nx - 1:
                total += _coupling(moments, i + 1, j, k, 0, spacing)
            if j < ny - 1:
                total += _coupling(moments, i, j + 1, k, 1, spacing)
            if k < nz - 1:
                total += _coupling(moments, i, j, k + 1, 2, spacing)
            inverse[colour, h] = _invert(total)


@numba.njit(cache=True)
def _coupling(moments, i, j, k, axis, spacing):
    """The weight of a coarse cell towards its lower neighbour."""
    here = moments[i, j, k]
    if here[RAW + axis] <= 0:
        return np.float32(0.0)
    below = moments[i - (axis == 0), j - (axis == 1), k - (axis == 2)]
    apart = spacing + here[CENTRE + axis] - below[CENTRE + axis]
    return here[RAW + axis] / max(apart, np.float32(1.0))


@numba.njit(cache=True)
def _invert(diagonal):
    """1 / diagonal; 0 where the diagonal is 0 or too small to invert in float32."""
    return np.float32(1.0) / diagonal if diagonal > SMALLEST_DIAGONAL else np.float32(0.0)
