"""The sweep of conservative transport (see transport_torch.py) as a CPU kernel, line by line.

Lines along the last axis lie in memory one after the other; those along another axis are taken in
groups of neighbours, so that each piece of memory that is fetched serves a whole group.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from fluidsim.grid import Grid
from fluidsim.transport_torch import LEAST_VOLUME

GROUP = 16  # lines


def sweep(values: Tensor, volume: Tensor, flux: Tensor, axis: int, grid: Grid) -> Tensor:
    """As in transport_torch."""
    missing = 3 - grid.dim
    shape = np.array((1,) * missing + grid.shape)
    strides = np.array((0,) * missing + grid.strides)
    left = _sweep(
        values.view(len(values), -1).numpy(), volume.view(-1).numpy(), flux.view(-1).numpy(),
        axis + missing, shape, strides,
    )  # fmt: skip
    return torch.from_numpy(left.sum(0))


@numba.njit(cache=True, parallel=True, error_model="numpy")
def _sweep(values, volume, flux, axis, shape, strides):
    """values: (components, nodes), volume, flux: (nodes,), all flat. (groups, components, 2)."""
    components, n, step = len(values), shape[axis], strides[axis]
    other = 1 if axis == 0 else 0
    across = 1 if axis == 2 else 2  # the axis along which lines are neighbours
    groups = (shape[across] + GROUP - 1) // GROUP
    left = np.zeros((shape[other] * groups, components, 2))
    for task in numba.prange(shape[other] * groups):
        first = task % groups * GROUP
        count = min(GROUP, shape[across] - first)
        start = task // groups * strides[other] + first * strides[across]
        through, sizes = np.zeros((count, n + 1)), np.zeros((count, n))
        contents = np.zeros((count, n))
        place, rest = np.zeros((count, n + 1), np.int64), np.zeros((count, n + 1))
        low, high, sums = np.empty(n), np.empty(n), np.empty(n + 1)
        _fetch(flux, start, step, strides[across], through)
        _fetch(volume, start, step, strides[across], sizes)
        still = not through.any()
        if not still:
            for line in range(count):
                _find(through[line], sizes[line], place[line], rest[line])
            for component in range(components):
                _fetch(values[component], start, step, strides[across], contents)
                for line in range(count):
                    if contents[line].any():
                        _set_edges(contents[line], low, high)
                        _move(
                            contents[line], sizes[line], through[line], place[line], rest[line],
                            low, high, sums,
                        )  # fmt: skip
                        left[task, component, 0] -= sums[0]
                        left[task, component, 1] += sums[n]
                _store(contents, start, step, strides[across], values[component])
            _set_volume(sizes, through)
            _store(sizes, start, step, strides[across], volume)
    return left


@numba.njit(cache=True, error_model="numpy")
def _fetch(field, start, step, across, lines):
    for i in range(lines.shape[1]):
        here = start + i * step
        for line in range(lines.shape[0]):
            lines[line, i] = field[here + line * across]


@numba.njit(cache=True, error_model="numpy")
def _store(lines, start, step, across, field):
    for i in range(lines.shape[1]):
        here = start + i * step
        for line in range(lines.shape[0]):
            field[here + line * across] = lines[line, i]


@numba.njit(cache=True, error_model="numpy")
def _find(flux, volume, place, rest):
    """The cell in which what flows through each face begins, and how much of it lies there."""
    n = len(volume)
    for face in range(n + 1):
        amount = flux[face]
        if amount > 0:
            cell = face - 1
            while cell >= 0 and amount >= volume[cell]:
                amount -= volume[cell]
                cell -= 1
        else:
            amount = -amount
            cell = face
            while cell < n and amount >= volume[cell]:
                amount -= volume[cell]
                cell += 1
        place[face] = cell
        rest[face] = amount


@numba.njit(cache=True, error_model="numpy")
def _set_edges(field, left, right):
    n = len(field)
    below = field[0]
    for i in range(n):
        lower, here = field[max(i - 1, 0)], field[i]
        upper, beyond = field[min(i + 1, n - 1)], field[min(i + 2, n - 1)]
        above = (7 * (here + upper) - lower - beyond) / 12
        above = max(min(here, upper), min(above, max(here, upper)))
        low, high = below, above
        if (high - here) * (here - low) <= 0:
            low, high = here, here
        else:
            slope = high - low
            off = slope * (6 * here - 3 * (low + high))
            if off > slope * slope:
                low = 3 * here - 2 * high
            elif off < -slope * slope:
                high = 3 * here - 2 * low
        left[i], right[i] = low, high
        below = above


@numba.njit(cache=True, error_model="numpy")
def _move(field, volume, flux, place, rest, left, right, sums):
    """`field` after the sweep, in place, and in `sums` what went through the faces."""
    n = len(field)
    for face in range(n + 1):
        cell, amount = place[face], rest[face]
        total = 0.0
        upwards = flux[face] > 0
        if upwards:
            for whole in range(face - 1, cell, -1):
                total += volume[whole] * field[whole]
        else:
            for whole in range(face, cell):
                total += volume[whole] * field[whole]
        if 0 <= cell < n:
            share = amount / volume[cell]
            slope = right[cell] - left[cell]
            bend = (1 - share * (2 / 3)) * (6 * field[cell] - 3 * (left[cell] + right[cell]))
            if upwards:
                total += amount * (right[cell] - 0.5 * share * (slope - bend))
            else:
                total += amount * (left[cell] + 0.5 * share * (slope + bend))
        sums[face] = total if upwards else -total
    for i in range(n):
        amount = field[i] * volume[i] - (sums[i + 1] - sums[i])
        field[i] = amount / _new_volume(volume[i], flux[i], flux[i + 1])


@numba.njit(cache=True, error_model="numpy")
def _new_volume(volume, below, above):
    return np.float64(np.float32(max(volume - (above - below), LEAST_VOLUME)))


@numba.njit(cache=True, error_model="numpy")
def _set_volume(sizes, through):
    for line in range(len(sizes)):
        for i in range(sizes.shape[1]):
            sizes[line, i] = _new_volume(sizes[line, i], through[line, i], through[line, i + 1])
