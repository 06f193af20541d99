"""Conservative transport of concentrations: what leaves a cell arrives in another.

The flow is split into sweeps along the axes, whose order alternates from step to step, so that two
steps are of second order in time (Strang 1968). The volume of the cells is swept, too, because a
single sweep compresses even where all of them together do not: Easter 1993, "Two modified versions
of Bott's positive-definite numerical advection scheme".
"""

from __future__ import annotations

import math
from types import ModuleType

import torch
from torch import Tensor

from fluidsim.flow.values import top_component
from fluidsim.grid.grid import Grid
from fluidsim.grid.halo import Halo
from fluidsim.grid.plain import are_plain, are_recorded
from fluidsim.smoke import transport_adjoint, transport_kernels, transport_torch

SQUEEZE = 0.75  # of a cell: the most that a sweep may add or take; more needs several turns


class Transport:
    """Transports concentrations by the flux through the faces.

    turns: how often all axes were swept; it decides the next order.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.turns = 0

    def carry(self, values: Tensor, flux: Tensor) -> tuple[Tensor, Tensor]:
        """Transport `values` (components, *nodes), in place; they stay within their range.

        flux: (dim, *nodes), the volume through each face, in cells. Empty air enters from outside.
        Returns the volume of each cell after the sweeps, (*nodes), in cells, and the amounts that
        left, (components,) float64, in values times cells. The volume is 1 where the flux is free
        of divergence; the amount in a cell is its value times its volume.
        """
        grid = self.grid
        volume = torch.ones_like(values[0])
        turns = self._turns_for(flux)
        if turns > 1:
            flux = flux / turns
        left = torch.zeros(len(values), dtype=torch.float64, device=values.device)
        for _ in range(turns):
            axes = range(grid.dim) if self.turns % 2 == 0 else reversed(range(grid.dim))
            for axis in axes:
                left += self._swept(values, volume, flux[axis], axis)
            self.turns += 1
        return volume, left

    def _swept(self, values: Tensor, volume: Tensor, flux: Tensor, axis: int) -> Tensor:
        """Sweep values and volume along an axis; returns what left, (components,) float64."""
        grid = self.grid
        sweep = _steps_for(values, volume, flux).sweep
        if axis not in grid.periodic:
            return sweep(values, volume, flux, axis, grid).detach().sum(1)
        reach = top_component(flux) / float(grid.cells(volume.detach()).amin())
        halo = Halo.around(grid, reach, (axis,))
        wide_values, wide_volume = halo.widen(values), halo.widen(volume)
        sweep(wide_values, wide_volume, halo.widen(flux), axis, halo.wide)
        grid.cells(values).copy_(grid.cells(halo.crop(wide_values)))
        grid.cells(volume).copy_(grid.cells(halo.crop(wide_volume)))
        return torch.zeros(len(values), dtype=torch.float64, device=values.device)

    def _turns_for(self, flux: Tensor) -> int:
        """The number of turns at which no sweep empties a cell."""
        most = 0.0
        for axis in range(self.grid.dim):
            low, high = torch.aminmax(torch.diff(self.grid.faces(flux.detach(), axis), dim=axis))
            most = max(most, -float(low), float(high))
        return max(1, math.ceil(most / SQUEEZE))


def _steps_for(*fields: Tensor) -> ModuleType:
    """The module whose sweep serves fields of this kind, on this device."""
    if fields[0].device.type != "cpu":
        return transport_torch
    if are_plain(*fields):
        return transport_kernels
    return transport_adjoint if are_recorded(*fields) else transport_torch
