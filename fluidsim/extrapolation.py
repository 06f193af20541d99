"""Extending a field beyond the points where it is known, layer by layer."""

from __future__ import annotations

import functools

import numba
import numpy as np
from torch import Tensor

from fluidsim.continuation import Continuation
from fluidsim.grid import Grid
from fluidsim.levels import KNOWN, UNKNOWN

NEXT = -2  # level of the points that the next layer will reach


def extrapolate(field: Tensor, level: Tensor, layers: int, grid: Grid) -> None:
    """Unknown values next to known ones become the mean of those, `layers` times over.

    field: (components, *nodes) float32. level: the same shape, int8: KNOWN, UNKNOWN, or OUTSIDE
    for stored points that belong to no cell or face; both are changed in place, and a value
    found in layer k has level k + 1.
    """
    if field.device.type != "cpu":
        return Continuation.of(level, layers, grid).apply(field)
    missing, strides = _neighbours_missing(grid), np.array(grid.strides)
    _grow(_components(field), _components(level), missing, strides, layers)


def _components(field: Tensor) -> np.ndarray:
    return field.view(len(field), -1).numpy()


@functools.lru_cache(maxsize=4)
def _neighbours_missing(grid: Grid) -> np.ndarray:
    """Bits for the neighbours that a stored point lacks, (node_count,) uint8: 2 k below on axis k,
    2 k + 1 above."""
    missing = np.zeros(grid.nodes, dtype=np.uint8)
    for axis in range(grid.dim):
        line = np.moveaxis(missing, axis, 0)
        line[0] |= 1 << 2 * axis
        line[-1] |= 1 << 2 * axis + 1
    return missing.ravel()


@numba.njit(cache=True, parallel=True)
def _grow(field, level, missing, strides, layers):
    for component in numba.prange(len(field)):
        values, levels = field[component], level[component]
        reached = _beside_known(levels, missing, strides)
        for layer in range(1, layers + 1):
            for i in reached:
                values[i] = _mean_around(i, values, levels, layer, missing, strides)
            for i in reached:
                levels[i] = layer + 1
            reached = _beside(reached, levels, missing, strides)
        for i in reached:
            levels[i] = UNKNOWN


@numba.njit(cache=True)
def _beside_known(levels, missing, strides):
    """The unknown points next to known ones, marked as NEXT."""
    known = np.empty(len(levels), dtype=np.int32)
    count = 0
    for i in range(len(levels)):
        if levels[i] == KNOWN:
            known[count] = i
            count += 1
    return _beside(known[:count], levels, missing, strides)


@numba.njit(cache=True)
def _beside(reached, levels, missing, strides):
    """The unknown points next to those reached, marked as NEXT."""
    found = np.empty(len(levels), dtype=np.int32)
    count = 0
    for i in reached:
        for side in range(2 * len(strides)):
            j = _neighbour(i, side, missing, strides)
            if levels[j] == UNKNOWN:
                levels[j] = NEXT
                found[count] = j
                count += 1
    return found[:count]


@numba.njit(cache=True)
def _mean_around(i, values, levels, layer, missing, strides):
    """Of the neighbours that an earlier layer has reached."""
    total, count = np.float32(0.0), 0
    for side in range(2 * len(strides)):
        j = _neighbour(i, side, missing, strides)
        if 0 < levels[j] <= layer:
            total += values[j]
            count += 1
    return total / np.float32(count)


@numba.njit(cache=True)
def _neighbour(i, side, missing, strides):
    """Index beside i, below and above it on each axis in turn; i itself where there is none."""
    step = strides[side >> 1] * (2 * (side & 1) - 1)
    return i if missing[i] >> side & 1 else i + step
