"""Kernels that extrapolate a field beyond the points where it is known, layer by layer."""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401

UNKNOWN, KNOWN, OUTSIDE = 0, 1, -1
NEXT = -2  # level of the points that the next layer will reach


@numba.njit(cache=True, parallel=True)
def grow(field, level, missing, strides, layers):
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
    """Find the unknown points next to known ones, and mark them as NEXT."""
    known = np.empty(len(levels), dtype=np.int32)
    count = 0
    for i in range(len(levels)):
        if levels[i] == KNOWN:
            known[count] = i
            count += 1
    return _beside(known[:count], levels, missing, strides)


@numba.njit(cache=True)
def _beside(reached, levels, missing, strides):
    """Find the unknown points next to those reached, and mark them as NEXT."""
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
    """The mean of the neighbours that an earlier layer has reached."""
    total, count = np.float32(0.0), 0
    for side in range(2 * len(strides)):
        j = _neighbour(i, side, missing, strides)
        if 0 < levels[j] <= layer:
            total += values[j]
            count += 1
    return total / np.float32(count)


@numba.njit(cache=True)
def _neighbour(i, side, missing, strides):
    """The index below or above i, on each axis in turn; i itself if it has no such neighbour."""
    step = strides[side >> 1] * (2 * (side & 1) - 1)
    return i if missing[i] >> side & 1 else i + step
