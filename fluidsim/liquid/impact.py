"""How much liquid a step would press into walls and other liquid before any pressure can act.

Liquid that flies has no pressure: in a step of several cells it goes that far into what it hits,
and where it is crowded then its volume is lost. The velocity continued beyond the liquid shows
where that will happen: it converges in front of whatever stops it. So steps are made as small as
keeps it to a little of the liquid; to less and less in a frame in which it goes on.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fluidsim.flow.flux import divergence
from fluidsim.grid.grid import Grid
from fluidsim.solid.solids import Solids

NOTICED = 0.25  # of a cell's volume; less does not crowd it
ALLOWED = 3e-3  # of the liquid: what a step may press into something, less towards the BUDGET
BUDGET = 0.015  # of the liquid in a frame
LEAST = 0.1  # of ALLOWED, once the budget is spent
SMALL_STEP = 0.25  # cells of motion: steps are not made smaller than this for it


class Impacts:
    """Bounds the steps of a frame; `spent` is what they pressed into something, of the liquid."""

    def __init__(self) -> None:
        self.spent = 0.0

    def steps(self, fewest: int, most: float, volume: float, of: Callable[[int], float]) -> int:
        """Equal steps, `fewest` or more, in which to go on; the first of them counts as spent.

        most: steps that are a SMALL_STEP each. volume: of the liquid, in cells. of(n): volume, in
        cells, that the first of n steps presses into something.
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
    """Volume, in cells, that meets a place taken in the next `dt` seconds.

    velocity: (dim, *nodes), m/s, continued beyond the liquid. distance: (*shape), in cells, to the
    surface. fluid: (*shape) bool, cells whose pressure keeps the flow free of divergence.
    """
    free = (grid.cells(solids.solid) == 0) & ~fluid
    rate = divergence(velocity, solids.open, solids.velocity, free, grid).neg_()
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
    arriving = (square.sqrt() * (dt / grid.dx) - distance[place]).clamp(0, None)
    return float(torch.minimum(arriving, (rate[place] * dt).to(arriving.dtype)).sum())
