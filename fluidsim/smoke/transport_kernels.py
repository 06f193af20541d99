"""The sweep of conservative transport (see transport_torch.py) as a CPU kernel, line by line.

Lines along the last axis are contiguous in memory. Lines along another axis are processed in groups
of neighbours, so that every piece of memory that is fetched is used by the whole group. Only the
part of a line between its first and last content is processed, because much of a room is empty.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.smoke.transport_torch import LEAST_VOLUME
from solvers import kernel_cache  # noqa: F401

GROUP = 16  # lines
RIM = 2  # cells that continue a line before and after it


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
    """values: (components, nodes); volume, flux: (nodes,). Returns (tasks, components, 2)."""
    components, n, step = len(values), shape[axis], strides[axis]
    other = 1 if axis == 0 else 0
    across = 1 if axis == 2 else 2  # the axis along which lines are neighbours
    groups = (shape[across] + GROUP - 1) // GROUP
    left = np.zeros((shape[other] * groups, components, 2))
    for task in numba.prange(shape[other] * groups):
        first = task % groups * GROUP
        count = min(GROUP, shape[across] - first)
        start = task // groups * strides[other] + first * strides[across]
        through, sizes = np.empty((count, n + 1)), np.empty((count, n))
        new, contents = np.empty((count, n)), np.empty((components, count, n + 2 * RIM))
        fetch(flux, start, step, strides[across], through)
        if through.any():
            fetch(volume, start, step, strides[across], sizes)
            _set_volume(sizes, through, new)
            store(new, start, step, strides[across], volume)
            for component in range(components):
                inner = contents[component, :, RIM:-RIM]
                fetch(values[component], start, step, strides[across], inner)
            places, lines, filled = np.empty((2, n + 1), np.int64), np.empty((6, n + 1)), False
            for line in range(count):
                filled |= _carry(
                    contents[:, line], sizes[line], new[line], through[line], places, lines,
                    left[task],
                )  # fmt: skip
            if filled:
                for component in range(components):
                    inner = contents[component, :, RIM:-RIM]
                    store(inner, start, step, strides[across], values[component])
    return left


@numba.njit(cache=True, error_model="numpy")
def fetch(field, start, step, across, lines):
    for i in range(lines.shape[1]):
        here = start + i * step
        for line in range(lines.shape[0]):
            lines[line, i] = field[here + line * across]


@numba.njit(cache=True, error_model="numpy")
def store(lines, start, step, across, field):
    for i in range(lines.shape[1]):
        here = start + i * step
        for line in range(lines.shape[0]):
            field[here + line * across] = lines[line, i]


@numba.njit(cache=True, error_model="numpy")
def _set_volume(sizes, through, new):
    for line in range(len(sizes)):
        for i in range(sizes.shape[1]):
            size = sizes[line, i] - (through[line, i + 1] - through[line, i])
            new[line, i] = np.float64(np.float32(size if size > LEAST_VOLUME else LEAST_VOLUME))


@numba.njit(cache=True, error_model="numpy")
def _carry(contents, volume, new, flux, places, lines, left):
    """Transport one line of all components, in place; adds what leaves at its ends to `left`.

    places, lines: scratch memory. Returns whether the line has any content.
    """
    n = len(volume)
    first, last = n, 0
    for row in contents:
        begin, end = _span(row[RIM:-RIM])
        first, last = min(first, begin), max(last, end)
    if first >= last:
        return False
    faces, cells = places
    rests, shares, low, high, bend, sums = lines
    count = _find(flux, volume, first, last, faces, cells, rests, shares)
    for component in range(len(contents)):
        row = contents[component]
        for rim in range(RIM):
            row[rim], row[n + 2 * RIM - 1 - rim] = row[RIM], row[n + RIM - 1]
        _set_parabolas(row, first, last, low, high, bend)
        field = row[RIM:-RIM]
        sums[:] = 0.0
        for number in range(count):
            face, cell = faces[number], cells[number]
            rest, share = rests[number], shares[number]
            total = 0.0
            if flux[face] > 0:
                for whole in range(face - 1, cell, -1):
                    total += volume[whole] * field[whole]
                if first <= cell < last:
                    curve = (1 - share * (2 / 3)) * bend[cell]
                    slope = high[cell] - low[cell]
                    total += rest * (high[cell] - 0.5 * share * (slope - curve))
                sums[face] = total
            else:
                for whole in range(face, cell):
                    total += volume[whole] * field[whole]
                if first <= cell < last:
                    curve = (1 - share * (2 / 3)) * bend[cell]
                    slope = high[cell] - low[cell]
                    total += rest * (low[cell] + 0.5 * share * (slope + curve))
                sums[face] = -total
        _update(field, volume, new, sums)
        left[component, 0] -= sums[0]
        left[component, 1] += sums[n]
    return True


@numba.njit(cache=True, error_model="numpy")
def _span(field):
    """The first cell with content, and the one after the last."""
    begin, end = 0, len(field)
    while end > 0 and field[end - 1] == 0:
        end -= 1
    while begin < end and field[begin] == 0:
        begin += 1
    return begin, end


@numba.njit(cache=True, error_model="numpy")
def _find(flux, volume, first, last, faces, cells, rests, shares):
    """Find the faces through which content of the cells from `first` to `last` flows.

    For each one also the cell in which the volume that flows through it begins, how much of that
    volume lies in this cell, and which part of the cell it is. Returns their number.
    """
    n, count = len(volume), 0
    for face in range(n + 1):
        amount = flux[face]
        if amount > 0 and face > first:
            cell = face - 1
            while cell >= 0 and amount >= volume[cell]:
                amount -= volume[cell]
                cell -= 1
            found = cell < last
        elif amount < 0 and face < last:
            amount, cell = -amount, face
            while cell < n and amount >= volume[cell]:
                amount -= volume[cell]
                cell += 1
            found = cell >= first
        else:
            found = False
        if found:
            faces[count], cells[count], rests[count] = face, cell, amount
            shares[count] = amount / volume[cell] if 0 <= cell < n else 0.0
            count += 1
    return count


@numba.njit(cache=True, error_model="numpy")
def _set_parabolas(row, first, last, low, high, bend):
    """The parabolas in the cells from `first` to `last`: values at both ends, and the bend."""
    for i in range(first, last + 1):
        below, above = row[i + 1], row[i + 2]
        edge = (7 * (below + above) - row[i] - row[i + 3]) / 12
        least, most = (below, above) if below < above else (above, below)
        edge = edge if edge < most else most
        low[i] = edge if edge > least else least
    for i in range(first, last):
        here, lower, upper = row[i + 2], low[i], low[i + 1]
        slope, off = upper - lower, 6 * here - 3 * (lower + upper)
        peak = (upper - here) * (here - lower) <= 0
        steep, limit = slope * off, slope * slope
        left = 3 * here - 2 * upper if steep > limit else lower
        right = 3 * here - 2 * lower if steep < -limit else upper
        left, right = here if peak else left, here if peak else right
        low[i], high[i], bend[i] = left, right, 6 * here - 3 * (left + right)


@numba.njit(cache=True, error_model="numpy")
def _update(field, volume, new, sums):
    for i in range(len(field)):
        field[i] = (field[i] * volume[i] - (sums[i + 1] - sums[i])) / new[i]
