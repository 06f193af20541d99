"""Which cells have a pressure: those inside the surface, and isolated drops.

Torch expressions define it and run on any device; on the CPU, kernels over rows do the same in two
passes.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_plain
from fluidsim.grid.rows import as_rows, cell_rows, flat, neighbour_rows
from fluidsim.liquid.particles import SEEDED
from fluidsim.solid.solids import Solids
from solvers import kernel_cache  # noqa: F401

ROOMY = 0.5  # of a cell: a smaller open part may be empty of particles by chance
TAKEN = 0.5  # of the particles that a mostly solid cell can hold; with these it counts as full


def wet_cells(distance: Tensor, held: Tensor, pulled: Tensor | None, solids: Solids) -> Tensor:
    """The cells with a pressure, (*shape) bool: those inside the surface, and isolated drops.

    distance: (*nodes), signed, in cells. held: (*shape) int32, the particles in each cell. pulled:
    (*shape) bool, cells in which the last pressure was negative.

    A cell outside the surface that holds particles has a pressure only if no neighbour is inside;
    next to the liquid the velocity is continued to it. A cell inside the surface has none if it is
    at a wall, holds no particle, and is next to air or was pulled: nothing holds liquid that leaves
    a wall. That does not apply where a solid leaves particles hardly any room. A cell whose centre
    is in a solid, which no surface reaches, has a pressure if it is full of particles: this stops
    liquid that falls on a wall.
    """
    if distance.device.type != "cpu" or not are_plain(distance):
        return wet_as_defined(distance, held, pulled, solids)
    grid = solids.grid
    if pulled is None:
        pulled = torch.zeros(grid.shape, dtype=torch.bool)
    inside, wet = np.empty((2, len(cell_rows(grid)), grid.shape[-1]), np.uint8)
    occupied = as_rows(held)
    _find_inside(
        flat(distance), occupied, as_rows(pulled).view(np.uint8), flat(solids.solid),
        flat(solids.cut), flat(solids.open.detach()), as_rows(solids.room.detach()),
        cell_rows(grid), np.array(grid.strides), neighbour_rows(grid),
        np.float32(TAKEN * SEEDED[grid.dim]), inside,
    )  # fmt: skip
    _add_drops(inside, occupied, neighbour_rows(grid), wet)
    return torch.from_numpy(wet.view(np.bool_)).view(grid.shape)


def wet_as_defined(distance: Tensor, held: Tensor, pulled: Tensor | None, solids: Solids) -> Tensor:
    """What `wet_cells` returns, as torch expressions."""
    grid, occupied = solids.grid, held > 0
    room = grid.cells(solids.solid) == 0
    below = grid.cells(distance) < 0
    inside = below & room
    at_wall = torch.zeros_like(inside)
    for axis, n in enumerate(grid.shape):
        closed = grid.faces(solids.open, axis) == 0
        at_wall |= closed.narrow(axis, 0, n) | closed.narrow(axis, 1, n)
    parting = _beside(room & ~below, grid)
    if pulled is not None:
        parting |= pulled
    inside &= occupied | ~(at_wall & (solids.room > ROOMY) & parting)
    filled = held >= (TAKEN * SEEDED[grid.dim] * solids.room).clamp(min=1)
    inside |= filled & room & (grid.cells(solids.cut) == 2)
    return inside | (occupied & ~(inside | _beside(inside, grid)))


def _beside(cells: Tensor, grid: Grid) -> Tensor:
    """Cells (*shape) bool that share a face with one of `cells`."""
    result = torch.zeros_like(cells)
    for axis, n in enumerate(grid.shape):
        result.narrow(axis, 0, n - 1).logical_or_(cells.narrow(axis, 1, n - 1))
        result.narrow(axis, 1, n - 1).logical_or_(cells.narrow(axis, 0, n - 1))
    return result


@numba.njit(cache=True, parallel=True)
def _find_inside(
    distance, held, pulled, solid, cut, open_faces, room, starts, strides, beside, taken, inside
):
    cells, nodes = room.shape[1], len(distance)
    for row in numba.prange(len(starts)):
        first = starts[row]
        air, at_wall = np.zeros((2, cells + 2), np.uint8)
        parting = pulled[row].copy()
        for axis in range(len(strides)):
            low = axis * nodes + first
            _note_closed(at_wall[1:-1], open_faces[low : low + cells])
            _note_closed(at_wall[1:-1], open_faces[low + strides[axis] :][:cells])
        for other in beside[row]:
            if other >= 0:
                _note_air(parting, distance[starts[other] :], solid[starts[other] :])
        _note_air(air[1:-1], distance[first:], solid[first:])
        for z in range(cells):
            parting[z] |= air[z] | air[z + 2]
        for z in range(cells):
            holds = np.uint8(held[row, z] > 0)
            leaves = at_wall[z + 1] & parting[z] & np.uint8(room[row, z] > np.float32(ROOMY))
            below = np.uint8(distance[first + z] < 0) & (holds | (leaves ^ 1))
            least = max(taken * room[row, z], np.float32(1))
            filled = np.uint8(held[row, z] >= least) & np.uint8(cut[first + z] == 2)
            inside[row, z] = np.uint8(solid[first + z] == 0) & (below | filled)


@numba.njit(cache=True)
def _note_closed(at_wall, open_faces):
    for z in range(len(at_wall)):
        at_wall[z] |= np.uint8(open_faces[z] == 0)


@numba.njit(cache=True)
def _note_air(air, distance, solid):
    for z in range(len(air)):
        air[z] |= np.uint8(solid[z] == 0) & np.uint8(not distance[z] < 0)


@numba.njit(cache=True, parallel=True)
def _add_drops(inside, held, beside, wet):
    """Cells inside, and those with particles none of whose neighbours is."""
    cells = inside.shape[1]
    for row in numba.prange(len(inside)):
        near = np.zeros(cells + 2, np.uint8)
        near[1:-1] = inside[row]
        for z in range(cells):
            wet[row, z] = near[z] | near[z + 1] | near[z + 2]
        for other in beside[row]:
            if other >= 0:
                for z in range(cells):
                    wet[row, z] |= inside[other, z]
        for z in range(cells):
            drop = np.uint8(held[row, z] > 0) & (wet[row, z] ^ 1)
            wet[row, z] = near[z + 1] | drop
