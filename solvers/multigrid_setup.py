"""Setup of the packed multigrid levels: CPU kernels.

Arrays of one level are laid out as in `solvers.multigrid_kernels`: (2, entries) for the two
colours, (2, 3, entries) where there is a value an axis.
"""

from __future__ import annotations

import numba
import numpy as np

# Diagonals (of weights scaled to at most 1) below this have no inverse in float32.
SMALLEST_DIAGONAL = 1e-37


@numba.njit(cache=True)
def _place(i, j, k, ny, width):
    """Colour and entry of a cell."""
    return (i + j + k) & 1, ((i + 1) * (ny + 2) + j + 1) * width + ((k + 2) >> 1)


@numba.njit(cache=True, parallel=True)
def largest_weights(active, weights):
    """The largest face weight around the active cells of each row; float64 (rows,)."""
    w0, w1, w2 = weights
    nx, ny, nz = active.shape
    result = np.zeros(nx * ny)
    for row in numba.prange(nx * ny):
        i, j = row // ny, row % ny
        largest = np.float64(0.0)
        for k in range(nz):
            if active[i, j, k]:
                across = max(w0[i, j, k], w0[i + 1, j, k], w1[i, j, k], w1[i, j + 1, k])
                largest = max(largest, np.float64(max(across, w2[i, j, k], w2[i, j, k + 1])))
        result[row] = largest
    return result


@numba.njit(cache=True, parallel=True)
def fill_finest(active, weights, scale, lower, dirichlet, inverse):
    """Couplings between active cells, weights towards p = 0, and inverse diagonal; all scaled."""
    w0, w1, w2 = weights
    nx, ny, nz = active.shape
    width = (nz + 1) // 2 + 2
    for row in numba.prange(nx * ny):
        i, j = row // ny, row % ny
        for k in range(nz):
            if not active[i, j, k]:
                continue
            colour, g = _place(i, j, k, ny, width)
            held, total = 0.0, 0.0
            for axis in range(3):
                if axis == 0:
                    below, above = w0[i, j, k], w0[i + 1, j, k]
                    has_below = i > 0 and active[i - 1, j, k]
                    has_above = i < nx - 1 and active[i + 1, j, k]
                elif axis == 1:
                    below, above = w1[i, j, k], w1[i, j + 1, k]
                    has_below = j > 0 and active[i, j - 1, k]
                    has_above = j < ny - 1 and active[i, j + 1, k]
                else:
                    below, above = w2[i, j, k], w2[i, j, k + 1]
                    has_below = k > 0 and active[i, j, k - 1]
                    has_above = k < nz - 1 and active[i, j, k + 1]
                total += np.float64(below) + np.float64(above)
                if has_below:
                    lower[colour, axis, g] = scale * below
                else:
                    held += below
                if not has_above:
                    held += above
            dirichlet[colour, g] = scale * held
            inverse[colour, g] = _invert(np.float32(scale * total))


@numba.njit(cache=True, parallel=True)
def aggregate(fine, coarse, spacing, finest, inverse, raw, dirichlet, mass, centre, sums):
    """Sums over aggregates of 2 x 2 x 2 cells.

    fine, coarse: cells along the axes of the two levels. spacing: cells of the finest level along
        an aggregate of the fine one.
    inverse, raw, dirichlet, mass, centre: of the fine level; raw: couplings summed from the
        finest level. On the finest level mass and centre are not read: every cell with a diagonal
        counts 1 and sits in its middle.
    sums: raw, dirichlet, mass and centre of the coarse level, to be filled. centre: position of
        the mean active cell from the middle of the aggregate, in cells of the finest level.
    """
    coarse_raw, coarse_dirichlet, coarse_mass, coarse_centre = sums
    nx, ny, nz = fine
    width, coarse_width = (nz + 1) // 2 + 2, (coarse[2] + 1) // 2 + 2
    for row in numba.prange(coarse[0] * coarse[1]):
        i, j = row // coarse[1], row % coarse[1]
        for k in range(coarse[2]):
            w0 = w1 = w2 = held = count = c0 = c1 = c2 = np.float32(0.0)
            for a in range(2 * i, min(2 * i + 2, nx)):
                for b in range(2 * j, min(2 * j + 2, ny)):
                    for c in range(2 * k, min(2 * k + 2, nz)):
                        colour, g = _place(a, b, c, ny, width)
                        if finest:
                            m = np.float32(1.0 if inverse[colour, g] > 0 else 0.0)
                        else:
                            m = mass[colour, g]
                        if m == 0:
                            continue
                        w0 += raw[colour, 0, g] if a == 2 * i else np.float32(0.0)
                        w1 += raw[colour, 1, g] if b == 2 * j else np.float32(0.0)
                        w2 += raw[colour, 2, g] if c == 2 * k else np.float32(0.0)
                        held += dirichlet[colour, g]
                        count += m
                        d0 = spacing * np.float32(a - 2 * i - 0.5)
                        d1 = spacing * np.float32(b - 2 * j - 0.5)
                        d2 = spacing * np.float32(c - 2 * k - 0.5)
                        if not finest:
                            d0 += centre[colour, 0, g]
                            d1 += centre[colour, 1, g]
                            d2 += centre[colour, 2, g]
                        c0 += m * d0
                        c1 += m * d1
                        c2 += m * d2
            if count == 0:
                continue
            colour, g = _place(i, j, k, coarse[1], coarse_width)
            coarse_raw[colour, 0, g], coarse_raw[colour, 1, g] = w0, w1
            coarse_raw[colour, 2, g] = w2
            coarse_dirichlet[colour, g], coarse_mass[colour, g] = held, count
            coarse_centre[colour, 0, g], coarse_centre[colour, 1, g] = c0 / count, c1 / count
            coarse_centre[colour, 2, g] = c2 / count


@numba.njit(cache=True)
def weigh(cells, spacing, raw, centre, lower):
    """Couplings of a coarse level: raw sums over the distance between mean active cells."""
    nx, ny, nz = cells
    width = (nz + 1) // 2 + 2
    for row in range(nx * ny):
        i, j = row // ny, row % ny
        for k in range(nz):
            colour, g = _place(i, j, k, ny, width)
            for axis in range(3):
                if raw[colour, axis, g] > 0:
                    below = _place(i - (axis == 0), j - (axis == 1), k - (axis == 2), ny, width)[1]
                    apart = spacing + centre[colour, axis, g] - centre[1 - colour, axis, below]
                    apart = max(apart, np.float32(1.0))
                    lower[colour, axis, g] = raw[colour, axis, g] / apart


@numba.njit(cache=True)
def invert_diagonal(cells, lower, dirichlet, factor, inverse):
    """Inverse diagonal of a coarse level: all couplings of a cell and factor * dirichlet."""
    nx, ny, nz = cells
    width = (nz + 1) // 2 + 2
    for row in range(nx * ny):
        i, j = row // ny, row % ny
        for k in range(nz):
            colour, g = _place(i, j, k, ny, width)
            total = factor * dirichlet[colour, g]
            for axis in range(3):
                above = _place(i + (axis == 0), j + (axis == 1), k + (axis == 2), ny, width)[1]
                total += lower[colour, axis, g] + lower[1 - colour, axis, above]
            inverse[colour, g] = _invert(total)


@numba.njit(cache=True)
def _invert(diagonal):
    """1 / diagonal; 0 for 0 and for what is too small to invert in float32."""
    return np.float32(1.0) / diagonal if diagonal > SMALLEST_DIAGONAL else np.float32(0.0)


@numba.njit(cache=True)
def find_spans(cells, inverse):
    """Rows with a diagonal: i, j, first entry and one past the last; int64 (rows, 4)."""
    nx, ny, nz = cells
    width = (nz + 1) // 2 + 2
    spans = np.empty((nx * ny, 4), dtype=np.int64)
    found = 0
    for i in range(nx):
        for j in range(ny):
            row = ((i + 1) * (ny + 2) + j + 1) * width
            first, last = row + 1, row + width - 1
            while first < last and inverse[0, first] == 0 and inverse[1, first] == 0:
                first += 1
            while first < last and inverse[0, last - 1] == 0 and inverse[1, last - 1] == 0:
                last -= 1
            if first < last:
                spans[found, 0], spans[found, 1] = i, j
                spans[found, 2], spans[found, 3] = first, last
                found += 1
    return spans[:found].copy()
