"""Particles that would enter a solid, as torch expressions: the definition of contact.py.

Points (n, dim) are in cells; the solids' distance is in m.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.grid.interpolation_torch import keep_inside, nodes_around
from fluidsim.grid.sorting import cells_of
from fluidsim.liquid.contact import KEPT_FROM_SOLID, LOOK, NEAR_SOLID
from fluidsim.solid.solids import Solids

SHORTEST = 1e-6  # of a normal that is not made longer


def kept_outside(x: Tensor, target: Tensor, solids: Solids) -> Tensor:
    """Where particles on their way from x to the target end: the target, or outside of solids."""
    if solids.static is None and not solids.moving:
        return target
    grid = solids.grid
    distance = solids.distance / grid.dx
    clear = _nearest(distance, x, grid) - grid.dim - (target - x).abs().sum(1)
    close = (clear < NEAR_SOLID).nonzero()[:, 0]
    if len(close) == 0:
        return target
    stopped = stop_in_solid(x[close], target[close], distance, grid)
    ends = keep_inside(push_out(stopped, distance, grid), grid)
    return target.index_put((close,), ends)


def depth_at(x: Tensor, distance: Tensor, grid: Grid) -> Tensor:
    """Signed distance of the solids at points, (n,), in the unit of `distance` (*nodes)."""
    stencil = nodes_around(x, grid)
    return (stencil.weights * distance.reshape(-1)[stencil.places]).sum(1)


def push_out(x: Tensor, distance: Tensor, grid: Grid) -> Tensor:
    """Points moved out of solids along the gradient of their distance (*nodes), in cells."""
    stencil = nodes_around(x, grid)
    values = distance.reshape(-1)[stencil.places]
    depth = (stencil.weights * values).sum(1)
    normal = torch.stack([(stencil.slopes(m) * values).sum(1) for m in range(grid.dim)], 1)
    length = normal.square().sum(1).clamp(min=SHORTEST**2).sqrt()
    pushed = x + ((KEPT_FROM_SOLID - depth) / length)[:, None] * normal
    inside = (_nearest(distance, x, grid) < NEAR_SOLID) & (depth < KEPT_FROM_SOLID)
    return torch.where(inside[:, None], pushed, x)


def stop_in_solid(x: Tensor, target: Tensor, distance: Tensor, grid: Grid) -> Tensor:
    """The first sample inside a solid on the way from x, which is outside, to the target; the
    target if there is none. distance: (*nodes), in cells."""
    way = target - x
    length = way.detach().norm(dim=1)
    looks = (length / LOOK).int() + 1
    going = _nearest(distance, x, grid) < NEAR_SOLID + length
    going &= depth_at(x, distance, grid) > 0
    result = target
    for look in range(1, int(looks.max())):
        place = x + way * (look / looks)[:, None]
        enters = going & (look < looks) & (depth_at(place, distance, grid) < 0)
        result = torch.where(enters[:, None], place, result)
        going &= ~enters
    return result


def _nearest(distance: Tensor, x: Tensor, grid: Grid) -> Tensor:
    """The value (n,) at the node next to each point."""
    return distance.reshape(-1)[cells_of(x.detach() + 0.5, grid.strides)]
