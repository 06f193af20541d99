"""What a flow does to the solids in it."""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.solid.solids import Solids


def pressure_force(pressure: Tensor, solids: Solids, grid: Grid) -> Tensor:
    """Force (dim,) float64, N, of a pressure (*shape), Pa, on solids; in 2D for a metre of depth.

    The surface of the solid in a cell is what the open parts of its faces lack to a closed one
    (Gauss); the pressure of the cell acts on it. The walls of the domain do not count.
    """
    opened = torch.where(solids.walls, 1.0, solids.open)
    force = []
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(opened, axis).double()
        surface = faces.narrow(axis, 0, n) - faces.narrow(axis, 1, n)
        force.append((pressure * surface).sum())
    return torch.stack(force) * grid.dx ** (grid.dim - 1)
