"""How much liquid a step would press into walls and other liquid before any pressure can act.

Liquid that flies has no pressure: in a step of several cells it goes that far into what it hits,
and where it is crowded then its volume is lost. The velocity continued beyond the liquid shows
where that will happen: it converges in front of whatever stops it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.flux import divergence
from fluidsim.grid import Grid
from fluidsim.solids import Solids

NOTICED = 0.25  # of a cell's volume; less does not crowd it


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
