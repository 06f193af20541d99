# pyright: reportInvalidTypeForm=false
"""Extending a field beyond the points where it is known, layer by layer."""

import functools
from types import SimpleNamespace
from typing import Any

import taichi as ti
import torch
from torch import Tensor

from fluidsim import scheduling
from fluidsim.grid import Grid
from fluidsim.scheduling import Schedule, dealt_item, loop_length

F32: Any = ti.types.ndarray(dtype=ti.f32, ndim=1)
I8: Any = ti.types.ndarray(dtype=ti.i8, ndim=1)
ROWS = 4  # rows of the last axis in a work item

UNKNOWN, KNOWN, OUTSIDE = 0, 1, -1


def extrapolate(field: Tensor, level: Tensor, layers: int, grid: Grid) -> None:
    """Unknown values next to known ones become the mean of those, `layers` times over.

    field: (components, *nodes) float32. level: the same shape, int8: KNOWN, UNKNOWN, or OUTSIDE
    for stored points that belong to no cell or face; both are changed in place, and a value
    found in layer k has level k + 1.
    """
    program = kernels(grid.dim, scheduling.for_device(field.device))
    shape, strides = program.ivec(*grid.nodes), program.ivec(*grid.strides)
    components = field.shape[0]
    for layer in range(1, layers + 1):
        program.sweep(field.view(-1), level.view(-1), layer, components, shape, strides)


def levels_beside(known: Tensor, reach: int, grid: Grid) -> Tensor:
    """Levels (dim, *nodes) that make the faces of the `known` cells (*shape) bool known.

    Faces more than `reach` cells away from those are OUTSIDE, so that sweeps pass over them.
    """
    level = grid.zeros(known.device, grid.dim, dtype=torch.int8).fill_(OUTSIDE)
    near = known
    for _ in range(reach):
        near = with_neighbours(near)
    for cells, value in ((near, UNKNOWN), (known, KNOWN)):
        flags = cells.to(torch.int8) * (value - OUTSIDE) + OUTSIDE
        for axis, n in enumerate(grid.shape):
            faces = grid.faces(level, axis)
            for side in (faces.narrow(axis, 0, n), faces.narrow(axis, 1, n)):
                torch.maximum(side, flags, out=side)
    return level


def levels_of(known: Tensor, components: int, grid: Grid) -> Tensor:
    """Levels (components, *nodes) that make the `known` cells (*shape) bool known."""
    level = grid.zeros(known.device, components, dtype=torch.int8).fill_(OUTSIDE)
    grid.cells(level).copy_(torch.where(known, KNOWN, UNKNOWN))
    return level


def with_neighbours(cells: Tensor) -> Tensor:
    """The cells and those that share a face with one of them."""
    grown = cells.clone()
    for axis, n in enumerate(cells.shape):
        grown.narrow(axis, 0, n - 1).logical_or_(cells.narrow(axis, 1, n - 1))
        grown.narrow(axis, 1, n - 1).logical_or_(cells.narrow(axis, 0, n - 1))
    return grown


@functools.cache
def kernels(dim: int, schedule: Schedule) -> SimpleNamespace:
    ivec: Any = ti.types.vector(dim, ti.i32)

    @ti.kernel
    def sweep(field: F32, level: I8, layer: ti.i32, components: ti.i32, nodes: ivec,
              strides: ivec):  # fmt: skip
        """Race-free in place: a sweep reads the levels up to `layer` and writes the next one."""
        length = nodes[dim - 1]
        rows = components * strides[0] * nodes[0] // length
        items = (rows + ROWS - 1) // ROWS
        for index in range(loop_length(items, schedule)):
            item = dealt_item(index, items, schedule)
            for row in range(item * ROWS, ti.min(rows, (item + 1) * ROWS)):
                at = ivec(0)
                rest = row
                for kk in ti.static(range(1, dim)):
                    k = ti.static(dim - 1 - kk)
                    at[k] = rest % nodes[k]
                    rest = rest // nodes[k]
                for z in range(length):
                    i = row * length + z
                    if level[i] == UNKNOWN:
                        at[dim - 1] = z
                        total = 0.0
                        found = 0
                        for k in ti.static(range(dim)):
                            for side in ti.static((-1, 1)):
                                if at[k] + side >= 0 and at[k] + side < nodes[k]:
                                    j = i + side * strides[k]
                                    if level[j] > 0 and level[j] <= layer:
                                        total += field[j]
                                        found += 1
                        if found > 0:
                            field[i] = total / found
                            level[i] = ti.cast(layer + 1, ti.i8)

    return SimpleNamespace(ivec=ivec, sweep=sweep)
