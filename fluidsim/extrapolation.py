# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Extending a field beyond the points where it is known, layer by layer."""

import functools
import itertools
from types import SimpleNamespace
from typing import Any

import taichi as ti
import torch
from torch import Tensor

from fluidsim import scheduling
from fluidsim.grid import Grid
from fluidsim.scheduling import Schedule, dealt_item, loop_length

F32: Any = ti.types.ndarray(dtype=ti.f32, ndim=1)
I32: Any = ti.types.ndarray(dtype=ti.i32, ndim=1)
I8: Any = ti.types.ndarray(dtype=ti.i8, ndim=1)

UNKNOWN, KNOWN, OUTSIDE = 0, 1, -1


def extrapolate(field: Tensor, level: Tensor, layers: int, grid: Grid) -> None:
    """Unknown values next to known ones become the mean of those, `layers` times over.

    field: (components, *nodes) float32. level: the same shape, int8: KNOWN, UNKNOWN, or OUTSIDE
    for stored points that belong to no cell or face; both are changed in place, and a value
    found in layer k has level k + 1.
    """
    program = kernels(grid.dim, scheduling.for_device(field.device))
    nodes, strides = program.ivec(*grid.nodes), program.ivec(*grid.strides)
    values, levels = field.view(-1), level.view(-1)
    spans = torch.empty(2 * (field.numel() // grid.nodes[-1]), dtype=torch.int32)
    spans = spans.to(field.device)
    program.find_spans(levels, spans, grid.nodes[-1])
    for layer in range(1, layers + 1):
        program.sweep(values, levels, spans, layer, nodes, strides)


def continue_change(
    velocity: Tensor, before: Tensor, level: Tensor, kept: Tensor, cells: Tensor, grid: Grid
) -> None:
    """Unknown faces of `cells` next to known ones change as those do and become known.

    velocity, before: (dim, *nodes) float32, after and before a step. level: (dim, *nodes) int8.
    kept: (dim, *nodes) bool, faces that may. cells: (n, dim) int64. So liquid at the rim keeps its
    own velocity, which that of its neighbours would slow down.
    """
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


def levels_beside(known: Tensor, kept: Tensor, grid: Grid) -> Tensor:
    """Levels (dim, *nodes) that make the faces of the `known` cells (*shape) bool known.

    kept: (dim, *nodes) bool; other faces are unknown all the same.
    """
    level = grid.zeros(known.device, grid.dim, dtype=torch.int8).fill_(OUTSIDE)
    flags = known.to(torch.int8) * KNOWN
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(level, axis)
        faces.fill_(UNKNOWN)
        faces.narrow(axis, 0, n).bitwise_or_(flags)
        faces.narrow(axis, 1, n).bitwise_or_(flags)
        faces.mul_(grid.faces(kept, axis))
    return level


def levels_of(known: Tensor, components: int, grid: Grid) -> Tensor:
    """Levels (components, *nodes) that make the `known` cells (*shape) bool known."""
    level = grid.zeros(known.device, components, dtype=torch.int8).fill_(OUTSIDE)
    grid.cells(level).copy_(torch.where(known, KNOWN, UNKNOWN))
    return level


@functools.cache
def kernels(dim: int, schedule: Schedule) -> SimpleNamespace:
    ivec: Any = ti.types.vector(dim, ti.i32)

    @ti.kernel
    def find_spans(level: I8, spans: I32, length: ti.i32):
        """First and last known point of each row along the last axis; (length, -1) for none."""
        rows = spans.shape[0] // 2
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row < rows:
                low = length
                high = -1
                for z in range(length):
                    if level[row * length + z] == KNOWN:
                        low = ti.min(low, z)
                        high = z
                spans[2 * row] = low
                spans[2 * row + 1] = high

    @ti.kernel
    def sweep(field: F32, level: I8, spans: I32, layer: ti.i32, nodes: ivec, strides: ivec):
        """Race-free in place: a sweep reads the levels up to `layer` and writes the next one.

        It looks at the part of a row that lies within one point of the known parts of the row and
        its neighbours. Spans that grow meanwhile only make it look at more.
        """
        length = nodes[dim - 1]
        rows = spans.shape[0] // 2
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            # Steps to the neighbours below and above; 0, to the unknown point itself, at a rim.
            below = ivec(0)
            above = ivec(0)
            rest = row
            low = spans[2 * row] - 1
            high = spans[2 * row + 1] + 1
            for kk in ti.static(range(1, dim)):
                k = ti.static(dim - 1 - kk)
                at = rest % nodes[k]
                rest = rest // nodes[k]
                step = strides[k] // length
                if at > 0:
                    below[k] = -strides[k]
                    low = ti.min(low, spans[2 * (row - step)])
                    high = ti.max(high, spans[2 * (row - step) + 1])
                if at < nodes[k] - 1:
                    above[k] = strides[k]
                    low = ti.min(low, spans[2 * (row + step)])
                    high = ti.max(high, spans[2 * (row + step) + 1])
            first = length
            last = -1
            for z in range(ti.max(low, 0), ti.min(high, length - 1) + 1):
                i = row * length + z
                if level[i] == UNKNOWN:
                    below[dim - 1] = -1 if z > 0 else 0
                    above[dim - 1] = 1 if z < length - 1 else 0
                    total = 0.0
                    found = 0
                    for k in ti.static(range(dim)):
                        for j in ti.static((below, above)):
                            there = level[i + j[k]]
                            if there > 0 and there <= layer:
                                total += field[i + j[k]]
                                found += 1
                    if found > 0:
                        field[i] = total / found
                        level[i] = ti.cast(layer + 1, ti.i8)
                        first = ti.min(first, z)
                        last = z
            if last >= 0:
                spans[2 * row] = ti.min(spans[2 * row], first)
                spans[2 * row + 1] = ti.max(spans[2 * row + 1], last)

    return SimpleNamespace(ivec=ivec, find_spans=find_spans, sweep=sweep)
