"""Extending a field beyond the points where it is known, layer by layer."""

from __future__ import annotations

import functools
import itertools

import numba
import numpy as np
import torch
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


def continue_change(
    velocity: Tensor, before: Tensor, level: Tensor, kept: Tensor, cells: Tensor, grid: Grid
) -> None:
    """Unknown faces of `cells` next to known ones change as those do and become known.

    velocity, before: (dim, *nodes) float32, after and before a step. level: (dim, *nodes) int8.
    kept: (dim, *nodes) bool, faces that may. cells: (n, dim) int64. So liquid at the rim keeps its
    own velocity, which that of its neighbours would slow down.
    """
    if velocity.device.type != "cpu":
        return continue_change_as_defined(velocity, before, level, kept, cells, grid)
    first = (cells * torch.tensor(grid.strides)).sum(1).numpy()
    _continue_change(
        _components(velocity), _components(before), _components(level), _components(kept), first,
        _neighbours_missing(grid), np.array(grid.strides),
    )  # fmt: skip


def continue_change_as_defined(
    velocity: Tensor, before: Tensor, level: Tensor, kept: Tensor, cells: Tensor, grid: Grid
) -> None:
    """What `continue_change` does, as torch expressions."""
    flat, old, levels = velocity.view(-1), before.view(-1), level.view(-1)
    strides = torch.tensor(grid.strides, device=cells.device)
    places, firsts = [], []
    for axis, side in itertools.product(range(grid.dim), (0, 1)):
        places.append(cells.clone())
        places[-1][:, axis] += side
        firsts.append(cells.new_full((len(cells),), axis * grid.node_count))
    place = torch.cat(places)
    index = torch.cat(firsts) + (place * strides).sum(1)
    wanted = (levels[index] == UNKNOWN) & kept.view(-1)[index]
    place, index = place[wanted], index[wanted]
    total, count = torch.zeros_like(flat[index]), torch.zeros_like(index)
    for k, step in itertools.product(range(grid.dim), (-1, 1)):
        there = place[:, k] + step
        exists = (there >= 0) & (there < grid.nodes[k])
        beside = index + torch.where(exists, step * grid.strides[k], 0)
        known = levels[beside] == KNOWN
        total += torch.where(known, flat[beside] - old[beside], 0.0)
        count += known
    reached = count > 0
    index = index[reached]
    flat[index] = old[index] + total[reached] / count[reached]
    levels[index] = KNOWN


@numba.njit(cache=True)
def _continue_change(velocity, before, level, kept, cells, missing, strides):
    dim = len(strides)
    room = 2 * dim * len(cells)
    axes, faces = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    values = np.empty(room, dtype=np.float32)
    count = 0
    for cell in cells:
        for axis in range(dim):
            for side in range(2):
                i = cell + side * strides[axis]
                if level[axis, i] == UNKNOWN and kept[axis, i]:
                    change, known = np.float32(0.0), 0
                    for beside in range(2 * dim):
                        j = _neighbour(i, beside, missing, strides)
                        if level[axis, j] == KNOWN:
                            change += velocity[axis, j] - before[axis, j]
                            known += 1
                    if known > 0:
                        axes[count], faces[count] = axis, i
                        values[count] = before[axis, i] + change / np.float32(known)
                        count += 1
    for n in range(count):
        velocity[axes[n], faces[n]] = values[n]
        level[axes[n], faces[n]] = KNOWN


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
