"""Setup of the engine, first part: CPU kernels from the rows of a system to images.

The images are those of `solvers.npsdo.image`, as pictures of fluid and of air. Kernels take flat
arguments; `engine` and `setup` call them.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.npsdo.engine.layout import (
    CELLS,
    GRID_ROW,
    LEAD,
    PARTS,
    PICTURE_PLANE,
    PLANES,
    ROWS,
    picture,
    picture_row,
    vector_row,
)

# Lower bound of the share of an interpolated value, by which is divided; as in `coarse`.
LEAST_COVERAGE = np.float32(1e-3)


@numba.njit(cache=True)
def some_weight(active, along, across, faces):
    """A positive weight around an active cell, 1 if there is none."""
    for row in range(len(active)):
        for k in range(active.shape[1]):
            if active[row, k]:
                weight = max(along[row, k], along[row, k + 1])
                for axis in range(len(across)):
                    for side in range(2):
                        weight = max(weight, across[axis][faces[axis, side, row], k])
                if weight > 0:
                    return np.float64(weight)
    return 1.0


@numba.njit(cache=True, parallel=True)
def finest(
    active, along, across, faces, neighbours, unit, level, fluid, air, extents, scaling, varies
):
    """Image, extents and scaling of the finest level from the rows of a system.

    The scaling is that of `solvers.npsdo.scaling` times sqrt(unit). varies: for each row whether a
    positive weight in it differs from `unit`.
    """
    fluids, airs = picture(fluid, level), picture(air, level)
    for index in numba.prange(len(active)):
        row = np.int64(index)
        _finest_row(row, active, along, across, faces, neighbours, level, fluids, airs)
        _measure(fluids[picture_row(level, row)], extents[row])
        weights = (along, across, faces)
        varies[row] = _scale_row(row, active, weights, neighbours, unit, scaling[row])


@numba.njit(cache=True)
def _finest_row(row, active, along, across, faces, neighbours, level, fluids, airs):
    at, cells = picture_row(level, row), active.shape[1]
    inside = slice(2, 2 + cells)
    airs[at, 1:-1] = np.float32(0.0)
    _mark(airs[at, inside], along[row, :-1])
    _mark(airs[at, inside], along[row, 1:])
    _mark(airs[at, 1:2], along[row, :1])
    _mark(airs[at, -2:-1], along[row, -1:])
    for axis in range(len(across)):
        step = level[PICTURE_PLANE] if axis + 1 < len(across) else 1
        for side in range(2):
            weights = across[axis][faces[axis, side, row]]
            _mark(airs[at, inside], weights)
            if neighbours[axis, side, row] == len(active):
                rim = airs[at + (2 * side - 1) * step, inside]
                rim[:] = np.float32(0.0)
                _mark(rim, weights)
    _enter(active[row], fluids[at, inside], airs[at, inside])


@numba.njit(cache=True)
def _mark(air, weights):
    """Set air to 1 where weights are positive."""
    for k in range(len(air)):
        air[k] = np.float32(1.0) if weights[k] > 0 else air[k]


@numba.njit(cache=True)
def _enter(active, fluid, air):
    for k in range(len(active)):
        fluid[k] = np.float32(1.0) if active[k] else np.float32(0.0)
        air[k] = np.float32(0.0) if active[k] else air[k]


@numba.njit(cache=True)
def _measure(fluid, extent):
    """First cell with fluid in a row of a picture, one past the last, and their number."""
    first, last, count = 0, 0, 0
    for k in range(2, len(fluid) - 2):
        if fluid[k] > 0:
            first = k - 2 if count == 0 else first
            last = k - 1
            count += 1
    extent[0], extent[1], extent[2] = first, last, count


@numba.njit(cache=True, error_model="numpy")
def _scale_row(row, active, weights, neighbours, unit, scaling):
    along, across, faces = weights
    count = _others(active[row], along[row, :-1], unit) + _others(active[row], along[row, 1:], unit)
    for axis in range(len(across)):
        for side in range(2):
            count += _others(active[row], across[axis][faces[axis, side, row]], unit)
    scaling[:] = np.float32(1.0)
    if count == 0:
        return False
    cells = len(scaling)
    for k in range(cells):
        open_faces, diagonal, largest = 0, 0.0, 0.0
        for side in range(2):
            weight, beside = np.float64(along[row, k + side]), k + 2 * side - 1
            diagonal += weight
            open_faces += weight > 0
            if 0 <= beside < cells and active[row, beside]:
                largest = max(largest, weight)
            for axis in range(len(across)):
                weight = np.float64(across[axis][faces[axis, side, row], k])
                diagonal += weight
                open_faces += weight > 0
                there = neighbours[axis, side, row]
                if there < len(active) and active[there, k]:
                    largest = max(largest, weight)
        known = active[row, k] and diagonal > 0
        square = open_faces * (unit / diagonal) if known else 0.0
        square = min(square, unit / largest) if largest > 0 else square
        scaling[k] = np.float32(np.sqrt(square))
    return True


@numba.njit(cache=True)
def _others(active, weights, unit):
    """The number of positive weights of active cells that differ from `unit`."""
    count = 0
    for k in range(len(active)):
        count += 1 if active[k] & (weights[k] > 0) & (weights[k] != unit) else 0
    return count


@numba.njit(cache=True)
def ring_rows(level, part):
    """The rows of a picture that belong to a part; rows of the ring count."""
    count = (level[PLANES] + 2 * level[LEAD]) * (level[ROWS] + 2)
    return count * part // PARTS, count * (part + 1) // PARTS


@numba.njit(cache=True)
def coarsen(fine, coarse, finer, level, part):
    """Means over blocks of cells, ring included; see `image.coarsen`."""
    begin, end = ring_rows(level, part)
    lead, rows, width = level[LEAD], level[ROWS] + 2, finer[CELLS] + 2
    sums = np.empty(2 * level[CELLS] + 4, dtype=np.float32)
    scale = np.float32(0.125 if lead else 0.25)
    for row in range(begin, end):
        i, j = row // rows - lead, row % rows - 1
        sums[:] = np.float32(0.0)
        for a in range(1 + lead):
            plane = min(max(2 * i + a, -1), finer[PLANES]) + 2 if lead else 0
            for b in range(2):
                at = plane * finer[PICTURE_PLANE] + min(max(2 * j + b, -1), finer[ROWS]) + 2
                # Cells of a block beyond the ring repeat the ring.
                sums[0] += fine[at, 1]
                _add(sums[1 : 1 + width], fine[at, 1 : 1 + width])
                for k in range(1 + width, len(sums)):
                    sums[k] += fine[at, width]
        at = (i + 2 * lead) * level[PICTURE_PLANE] + j + 2
        _halve(sums, scale, coarse[at, 1:-1])


@numba.njit(cache=True)
def _add(a, b):
    for k in range(len(a)):
        a[k] += b[k]


@numba.njit(cache=True)
def _halve(sums, scale, result):
    for k in range(len(result)):
        result[k] = scale * (sums[2 * k] + sums[2 * k + 1])


@numba.njit(cache=True)
def measure_rows(fluids, extents, shares, level, part):
    """Extents of the rows of a part, and a share of 1 where there is fluid."""
    begin, end = ring_rows(level, part)
    rows = level[ROWS] + 2
    for row in range(begin, end):
        i, j = row // rows - level[LEAD], row % rows - 1
        if 0 <= i < level[PLANES] and 0 <= j < level[ROWS]:
            number = i * level[ROWS] + j
            line, share = fluids[picture_row(level, number)], shares[vector_row(level, number)]
            _measure(line, extents[level[GRID_ROW] + number])
            for k in range(level[CELLS]):
                share[k + 1] = np.float32(1.0) if line[k + 2] > 0 else np.float32(0.0)


@numba.njit(cache=True)
def fill_share(fluids, coarse_fluid, coarse_air, shares, begin, end, level, coarse):
    """1 over the share of an interpolated value that is not from solids; 0 without fluid."""
    coverage = np.empty(coarse_fluid.shape[1], dtype=np.float32)
    for row in range(begin, end):
        i, j = row // level[ROWS], row % level[ROWS]
        coverage[:] = np.float32(0.0)
        for a in range(1 + level[LEAD]):
            plane, across = np.int64(0), np.float32(1.0)
            if level[LEAD]:
                plane = (i // 2 + a * (2 * (i % 2) - 1) + 2) * coarse[PICTURE_PLANE]
                across = np.float32(0.25 if a else 0.75)
            for b in range(2):
                at = plane + j // 2 + b * (2 * (j % 2) - 1) + 2
                weight = across * np.float32(0.25 if b else 0.75)
                _add_present(coverage, weight, coarse_fluid[at], coarse_air[at])
        at = vector_row(level, row)
        _invert(coverage, fluids[picture_row(level, row), 2:-2], shares[at, 1:])


@numba.njit(cache=True)
def _add_present(coverage, weight, fluid, air):
    for k in range(len(coverage)):
        coverage[k] += weight if fluid[k] + air[k] > 0 else np.float32(0.0)


@numba.njit(cache=True)
def _invert(coverage, fluid, share):
    """Interpolate along the row and invert."""
    near, far = np.float32(0.75), np.float32(0.25)
    for k in range(len(fluid)):
        half = k // 2 + 2
        value = near * coverage[half] + far * coverage[half + 2 * (k % 2) - 1]
        known = np.float32(1.0) / max(value, LEAST_COVERAGE)
        share[k] = known if fluid[k] > 0 else np.float32(0.0)
