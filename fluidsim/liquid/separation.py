# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Separation: liquid leaves a wall instead of hanging from it.

A closed face holds liquid at a ceiling or a pillar by suction, but real walls cannot pull. The
exact condition is an inequality (Batty, Bertails & Bridson 2007, "A fast variational framework for
accurate solid-fluid coupling", section 4.5). Here it holds one step late, in the manner of an
active set: a film that the last pressure pulled at the wall, and that moves away, is set free.
"""

import functools
from typing import Any, NamedTuple

import taichi as ti
import torch
from torch import Tensor

from fluidsim.grid import scheduling
from fluidsim.grid.cells import CellType
from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_plain
from fluidsim.grid.scheduling import Schedule, dealt_item, loop_length
from fluidsim.grid.taichi_rows import row_functions
from fluidsim.grid.taichi_types import F32, F64, I8, Kernel, VectorType
from fluidsim.solid.solids import Solids

FILM = 5  # cells: the thickest film; the weight of the air holds deeper water


def open_faces(
    velocity: Tensor, pressure: Tensor, cells: Tensor, solids: Solids, grid: Grid, least: float
) -> Tensor:
    """The open part of each face in this step, (dim, *nodes) float32: 1 where liquid leaves a wall.

    velocity: (dim, *nodes), m/s, before the projection and after gravity. pressure: (*shape)
    float64, Pa, of the last step. cells: (*nodes) int8, CellType. least: Pa, the smallest pressure
    at which a wall pushes.
    """
    program = kernels(grid.dim, scheduling.for_device(velocity.device))
    opened = solids.open.detach().float().clone()
    flow, walls = velocity.detach().float(), solids.velocity.detach().float()
    program.release(
        flow.view(-1), walls.view(-1), pressure.detach().contiguous().view(-1), cells.view(-1),
        opened.view(-1), program.ivec(*grid.shape), program.ivec(*grid.strides), grid.node_count,
        least,
    )  # fmt: skip
    if are_plain(solids.open):
        return opened
    return torch.where((opened == 1) & (solids.open == 0), 1.0, solids.open)


class SeparationKernels(NamedTuple):
    """release: opens the faces where liquid leaves a wall."""

    ivec: VectorType
    release: Kernel


@functools.cache
def kernels(dim: int, schedule: Schedule) -> SeparationKernels:
    """The kernel for `dim` dimensions; it takes flat arguments, all passed by `open_faces`."""
    ivec: Any = ti.types.vector(dim, ti.i32)
    row_count, row_start = row_functions(dim)

    @ti.kernel
    def release(velocity: F32, wall: F32, pressure: F64, cells: I8, opened: F32, shape: ivec,
                strides: ivec, nodes: ti.i32, least: ti.f32):  # fmt: skip
        """Opens closed faces of pulled liquid that moves away from a wall, with air behind it."""
        length = shape[dim - 1]
        rows = row_count(shape)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, shape)
            start = at.dot(strides)
            for z in range(length):
                i = start + z
                pulled = pressure[row * length + z] <= least
                if pulled and cells[i] == int(CellType.FLUID):
                    at[dim - 1] = z
                    for k in ti.static(range(dim)):
                        for side in ti.static((0, 1)):
                            face = k * nodes + i + side * strides[k]
                            inward = 1 - 2 * side
                            away = (velocity[face] - wall[face]) * inward
                            beyond = at[k] - inward
                            is_wall = beyond < 0 or beyond >= shape[k]
                            if not is_wall:
                                other = cells[i - inward * strides[k]]
                                is_wall = other == int(CellType.SOLID)
                            if is_wall and opened[face] == 0.0 and away > 0:
                                for depth in range(1, FILM + 1):
                                    place = at[k] + inward * depth
                                    if place >= 0 and place < shape[k]:
                                        behind = cells[i + inward * depth * strides[k]]
                                        if behind == int(CellType.AIR):
                                            opened[face] = 1.0

    return SeparationKernels(ivec, release)
