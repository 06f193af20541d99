# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Where liquid lets go of a wall instead of hanging from it.

A closed face holds liquid at a ceiling or a pillar by suction. True walls cannot pull; the exact
condition is an inequality (Batty, Bertails & Bridson 2007, "A fast variational framework for
accurate solid-fluid coupling", section 4.5). Here it is met one step late, in the manner of an
active set: a film that the last pressure field pulled at, and that moves off, comes free.
"""

import functools
from typing import Any, NamedTuple

import taichi as ti
from torch import Tensor

from fluidsim.grid import scheduling
from fluidsim.grid.cells import CellType
from fluidsim.grid.grid import Grid
from fluidsim.grid.scheduling import Schedule, dealt_item, loop_length
from fluidsim.grid.taichi_rows import row_functions
from fluidsim.grid.taichi_types import F32, F64, I8, Kernel, VectorType
from fluidsim.solid.solids import Solids

FILM = 5  # cells: a film is at most so thick; deeper water is held by the weight of the air


def open_faces(
    velocity: Tensor, pressure: Tensor, cells: Tensor, solids: Solids, grid: Grid, least: float
) -> Tensor:
    """The open part of each face in this step, (dim, *nodes) float32: 1 where a wall lets go.

    velocity: faces before the projection, gravity included, m/s. pressure: of the last step
    (*shape) float64, Pa. cells: (*nodes) int8. least: pressure from which on the wall pushes, Pa.
    """
    program = kernels(grid.dim, scheduling.for_device(velocity.device))
    opened = solids.open.clone()
    program.release(
        velocity.view(-1),
        solids.velocity.view(-1),
        pressure.contiguous().view(-1),
        cells.view(-1),
        opened.view(-1),
        program.ivec(*grid.shape),
        program.ivec(*grid.strides),
        grid.node_count,
        least,
    )
    return opened


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
        """Opens closed faces of pulled liquid that moves off a wall or solid, with air behind."""
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
