"""How much liquid a step would press into walls and other liquid before any pressure can act.

Liquid in free flight has no pressure: in a step of several cells it penetrates what it hits, and
its volume is lost where it is crowded afterwards. The velocity continued beyond the liquid shows
where that will happen, because it converges in front of every obstacle. Steps are made small enough
to keep that volume a small part of the liquid, ever smaller as a frame adds up its impacts.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import torch
from torch import Tensor

from fluidsim.flow.flux import add_outflow, divergence
from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_plain
from fluidsim.grid.rows import as_rows, cell_rows, flat
from fluidsim.solid.solids import Solids
from solvers import kernel_cache  # noqa: F401

NOTICED = 0.25  # of a cell's volume; less does not overcrowd it
ALLOWED = 3e-3  # of the liquid, pressed into something by a step; less towards the BUDGET
BUDGET = 0.015  # of the liquid, per frame
LEAST = 0.1  # of ALLOWED, once the budget is spent
SMALL_STEP = 0.25  # cells of motion: impacts make no step smaller than this


class Impacts:
    """Bounds the steps of a frame; `spent`: the part of the liquid that they have pressed in."""

    def __init__(self) -> None:
        self.spent = 0.0

    def steps(self, fewest: int, most: float, volume: float, of: Callable[[int], float]) -> int:
        """The number of equal steps to take, at least `fewest`; the first counts as spent.

        most: the number at which each is a SMALL_STEP. volume: of the liquid, in cells. of(n): the
        volume, in cells, that the first of n steps presses into something.
        """
        if volume == 0 or fewest >= most:
            return fewest
        allowed = ALLOWED * max(LEAST, 1 - self.spent / BUDGET)
        steps, part = fewest, of(fewest) / volume
        while part > allowed and steps < most:
            steps += 1
            part = of(steps) / volume
        self.spent += part
        return steps


def pressed(
    velocity: Tensor, distance: Tensor, fluid: Tensor, solids: Solids, dt: float, grid: Grid
) -> float:
    """The volume, in cells, that runs into something in the next `dt` seconds.

    velocity: (dim, *nodes), m/s, continued beyond the liquid. distance: (*nodes), in cells, to the
    surface. fluid: (*shape) bool, cells in which the pressure keeps the flow free of divergence.
    """
    if velocity.device.type != "cpu" or not are_plain(velocity, distance):
        return pressed_as_defined(velocity, distance, fluid, solids, dt, grid)
    volumes = np.empty(len(cell_rows(grid)))
    _press(
        flat(velocity), flat(solids.open.detach()), flat(solids.velocity.detach()), flat(distance),
        as_rows(fluid), flat(solids.solid), cell_rows(grid), np.array(grid.strides), dt, grid.dx,
        volumes,
    )  # fmt: skip
    return float(volumes.sum())


def pressed_as_defined(
    velocity: Tensor, distance: Tensor, fluid: Tensor, solids: Solids, dt: float, grid: Grid
) -> float:
    """What `pressed` returns, as a torch expression."""
    velocity, distance = velocity.detach(), distance.detach()
    opened, walls = solids.open.detach(), solids.velocity.detach()
    free = (grid.cells(solids.solid) == 0) & ~fluid
    rate = divergence(velocity, opened, walls, free, grid).neg_()
    meeting = (rate * dt > NOTICED).nonzero()
    if len(meeting) == 0:
        return 0.0
    place = meeting.unbind(1)
    square = torch.zeros(len(meeting), device=velocity.device)
    for axis in range(grid.dim):
        component = grid.faces(velocity, axis)
        above = list(place)
        above[axis] = above[axis] + 1
        square += torch.maximum(component[place].square(), component[tuple(above)].square())
    arriving = (square.sqrt() * (dt / grid.dx) - grid.cells(distance)[place]).clamp(0, None)
    return float(torch.minimum(arriving, (rate[place] * dt).to(arriving.dtype)).sum())


@numba.njit(cache=True, parallel=True)
def _press(velocity, opened, wall, distance, fluid, solid, starts, strides, dt, dx, volumes):
    """volumes: what is pressed in each row, in cells."""
    cells, nodes = fluid.shape[1], len(velocity) // len(strides)
    for row in numba.prange(len(starts)):
        outflow, volume = np.zeros(cells), 0.0
        for axis in range(len(strides)):
            below = axis * nodes + starts[row]
            above = below + strides[axis]
            low, high = slice(below, below + cells), slice(above, above + cells)
            add_outflow(
                outflow, velocity[low], opened[low], wall[low],
                velocity[high], opened[high], wall[high],
            )  # fmt: skip
        for z in range(cells):
            part, cell = -outflow[z] * dt / dx, starts[row] + z
            if part > NOTICED and not fluid[row, z] and solid[cell] == 0:
                square = np.float32(0)
                for axis in range(len(strides)):
                    face = axis * nodes + cell
                    square += max(velocity[face] ** 2, velocity[face + strides[axis]] ** 2)
                volume += max(min(np.sqrt(square) * dt / dx - distance[cell], part), 0.0)
        volumes[row] = volume
