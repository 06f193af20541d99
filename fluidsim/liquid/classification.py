"""Which cells hold liquid, and how much of them."""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid.cells import CellType
from fluidsim.grid.grid import Grid
from fluidsim.solid.solids import Solids


def cell_kinds(fluid: Tensor, held: Tensor, solids: Solids, grid: Grid) -> Tensor:
    """The CellType of each cell, (*nodes) int8: FLUID with a pressure or a particle.

    fluid: (*shape) bool, the cells with a pressure. held: (*shape), the particles in each.
    """
    stored = grid.zeros(fluid.device, dtype=torch.int8).fill_(int(CellType.AIR))
    kinds = grid.cells(stored)
    kinds.masked_fill_(fluid | (held > 0), int(CellType.FLUID))
    kinds.masked_fill_(grid.cells(solids.solid) != 0, int(CellType.SOLID))
    return stored


def filling(distance: Tensor, fluid: Tensor, kinds: Tensor) -> Tensor:
    """The distance of the surface (*shape), in cells, that viscosity sees.

    `fluid` cells (*shape) bool are at least half full; cells with neither a pressure nor a
    particle hold nothing that flows. distance: (*shape), in cells. kinds: (*shape), CellType.
    """
    occupied = kinds == CellType.FLUID
    wet = torch.where(fluid, distance.clamp(max=0.0), distance)
    return torch.where(fluid | occupied, wet, distance.clamp(min=0.5))
