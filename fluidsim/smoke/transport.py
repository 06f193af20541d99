"""Conservative transport of concentrations: what leaves a cell arrives in another.

The flow is split into sweeps along the axes, in an order that turns from step to step so that two
steps are of second order in time (Strang 1968). Volumes are swept along with the contents: a
sweep alone compresses what all of them together leave as it was (Easter 1993, "Two modified
versions of Bott's positive-definite numerical advection scheme").
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.grid.halo import Halo
from fluidsim.smoke import transport_kernels, transport_torch

SQUEEZE = 0.75  # of a cell that one sweep may take from it or add to it; more goes in several turns


class Transport:
    """Carries concentrations by what flows through the faces.

    turns: how often all axes were swept, by which the next order is chosen.
    """

    def __init__(self, grid: Grid, device: torch.device) -> None:
        self.grid = grid
        self.turns = 0
        self._sweep = (transport_kernels if device.type == "cpu" else transport_torch).sweep
        self._volume = grid.zeros(device)

    def carry(self, values: Tensor, flux: Tensor) -> tuple[Tensor, Tensor]:
        """Carry `values` (components, *nodes), in place.

        flux: (dim, *nodes), volume through each face, cells; from outside comes empty air. Values
        stay within the range of those before, as cells keep their volume: to get the amounts,
        multiply by what has become of it.
        Returns that volume, (*nodes), 1 where the flux is free of divergence, until the next call,
        and the amounts that left, (components,) float64, times cells.
        """
        grid = self.grid
        self._volume.fill_(1.0)
        turns = self._turns_for(flux)
        if turns > 1:
            flux = flux / turns
        left = torch.zeros(len(values), dtype=torch.float64, device=values.device)
        for _ in range(turns):
            axes = range(grid.dim) if self.turns % 2 == 0 else reversed(range(grid.dim))
            for axis in axes:
                left += self._swept(values, flux[axis], axis)
            self.turns += 1
        return self._volume, left

    def _swept(self, values: Tensor, flux: Tensor, axis: int) -> Tensor:
        """Sweep values and volume along an axis; what left, (components,) float64."""
        grid, volume = self.grid, self._volume
        if axis not in grid.periodic:
            return self._sweep(values, volume, flux, axis, grid).sum(1)
        reach = float(flux.abs().amax()) / float(grid.cells(volume).amin())
        halo = Halo.around(grid, reach, (axis,))
        wide_values, wide_volume = halo.widen(values), halo.widen(volume)
        self._sweep(wide_values, wide_volume, halo.widen(flux), axis, halo.wide)
        grid.cells(values).copy_(grid.cells(halo.crop(wide_values)))
        grid.cells(volume).copy_(grid.cells(halo.crop(wide_volume)))
        return torch.zeros(len(values), dtype=torch.float64, device=values.device)

    def _turns_for(self, flux: Tensor) -> int:
        """So many that no sweep empties a cell."""
        most = 0.0
        for axis in range(self.grid.dim):
            low, high = torch.aminmax(torch.diff(self.grid.faces(flux, axis), dim=axis))
            most = max(most, -float(low), float(high))
        return max(1, math.ceil(most / SQUEEZE))
