"""Loads: the forces of the flow on the solids in it.

What accelerates the flow is in accelerations.py; the friction on solids is in viscosity.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.solid.solids import Solids


def pressure_force(pressure: Tensor, solids: Solids, grid: Grid) -> Tensor:
    """Force (dim,) float64, N, of a pressure (*shape), Pa, on solids; in 2D per metre of depth.

    The pressure of a cell acts on the solid surface in it, whose area along each axis is the
    difference of the open parts of opposite faces (Gauss's theorem). The walls of the domain do not
    count.
    """
    opened = torch.where(solids.walls, 1.0, solids.open)
    force = []
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(opened, axis).double()
        surface = faces.narrow(axis, 0, n) - faces.narrow(axis, 1, n)
        force.append((pressure * surface).sum())
    return torch.stack(force) * grid.dx ** (grid.dim - 1)
