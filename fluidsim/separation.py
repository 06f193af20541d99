"""Where liquid lets go of a wall instead of hanging from it.

A closed face holds liquid at a ceiling or a pillar by suction. True walls cannot pull; the exact
condition is an inequality (Batty, Bertails & Bridson 2007, "A fast variational framework for
accurate solid-fluid coupling", section 4.5). Here it is met one step late, in the manner of an
active set: a film that the last pressure field pulled at, and that moves off, comes free.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.cells import CellType
from fluidsim.extrapolation import with_neighbours
from fluidsim.grid import Grid
from fluidsim.solids import Solids

FILM = 4  # cells: only liquid this near to air separates; deeper water is held by the air's weight


def separating_faces(
    velocity: Tensor, pressure: Tensor, cells: Tensor, solids: Solids, grid: Grid, least: float
) -> Tensor:
    """Fixed faces that shall count as open in this step, (dim, *nodes) bool.

    velocity: faces before the projection, gravity included, m/s. pressure: of the last step
    (*shape), Pa. cells: (*nodes) int8. least: pressure from which on the wall pushes, Pa.
    """
    kinds = grid.cells(cells)
    near_air = kinds == CellType.AIR
    for _ in range(FILM):
        near_air = with_neighbours(near_air)
    pulled = (kinds == CellType.FLUID) & near_air & (pressure <= least)
    result = torch.zeros_like(solids.fixed)
    for axis, n in enumerate(grid.shape):
        away = grid.faces(velocity, axis) - grid.faces(solids.velocity, axis)
        free = grid.faces(result, axis)
        free.narrow(axis, 0, n).logical_or_(pulled & (away.narrow(axis, 0, n) > 0))
        free.narrow(axis, 1, n).logical_or_(pulled & (away.narrow(axis, 1, n) < 0))
    return result.logical_and_(solids.fixed)
