"""Particles to faces and back as torch expressions: the definition of the transfer kernels.

Positions (n, dim) are in cells. A record (n, width) is a particle's velocity, m/s, with `affine`
followed by its slopes (see transfer.py).
"""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.grid.interpolation_torch import (
    corners,
    faces_around,
    gather,
    gather_slopes,
    keep_inside,
)
from fluidsim.grid.sorting import cells_of
from fluidsim.liquid.contact_torch import kept_outside
from fluidsim.solid.solids import Solids


def to_faces(x: Tensor, records: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
    """The weighted mean of the particles' velocities on the faces, 0 where no particle is near, and
    the sums of the weights; both (dim, *nodes)."""
    means, sums = [], []
    dim, affine = grid.dim, records.shape[1] > grid.dim
    for axis in range(dim):
        stencil = faces_around(x, axis, grid)
        weights, value = stencil.weights, records[:, axis, None]
        if affine:
            slopes = records.view(len(x), 1 + dim, dim)[:, 1 + axis]
            centre = x.new_tensor([0.0 if k == axis else 0.5 for k in range(dim)])
            lowest = stencil.lower + centre - x
            value = value + (lowest * slopes).sum(1)[:, None] + slopes @ corners(grid, x).T
        nothing = x.new_zeros(grid.node_count)
        places = stencil.places.flatten()
        total = nothing.index_add(0, places, weights.flatten())
        moved = nothing.index_add(0, places, (weights * value).flatten())
        near = total > 0
        means.append(torch.where(near, moved / torch.where(near, total, 1.0), 0.0))
        sums.append(total)
    shape = (dim, *grid.nodes)
    return torch.stack(means).view(shape), torch.stack(sums).view(shape)


def write_faces(x: Tensor, records: Tensor, velocity: Tensor, copy: Tensor, grid: Grid) -> Tensor:
    """Write what `to_faces` finds into both tensors (dim, *nodes); return the sums."""
    mean, weights = to_faces(x, records, grid)
    velocity.copy_(mean)
    copy.copy_(mean)
    return weights.detach()


def move(
    x: Tensor, records: Tensor, new: Tensor, old: Tensor, solids: Solids, dt: float, flip: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Positions, records and cells (n,) int32 after a step: velocities from the faces `new` and
    their change since `old`, (dim, *nodes), and positions along `new` by the midpoint rule.

    flip: share of the change in the PIC/FLIP blend; affine particles take `new` alone. The cell of
    a particle that left through an open side is the number of nodes.
    """
    grid = solids.grid
    velocity = gather(new, x, grid)
    if records.shape[1] > grid.dim:
        slopes = gather_slopes(new, x, grid)
        records = torch.cat((velocity[:, None], slopes), 1).flatten(1)
    else:
        change = gather(new - old, x, grid)
        records = flip * (records + change) + (1 - flip) * velocity
    step = dt / grid.dx
    target = x + step * gather(new, keep_inside(x + 0.5 * step * velocity, grid), grid)
    gone = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for k, n in enumerate(grid.shape):
        if solids.is_open(k, False):
            gone |= target[:, k] < 0
        if solids.is_open(k, True):
            gone |= target[:, k] > n
    there = kept_outside(x, keep_inside(target, grid), solids)
    return there, records, cells_of(there, grid.strides).masked_fill(gone, grid.node_count)


def poured_in(positions: Tensor, flow: Tensor, step: float, affine: bool, grid: Grid) -> Tensor:
    """Records (n, width) of new particles: those of the flow (dim, *nodes) where they were before
    the step. step: dt / dx, s/m."""
    here = gather(flow, positions, grid)
    halfway = gather(flow, keep_inside(positions - 0.5 * step * here, grid), grid)
    origin = keep_inside(positions - step * halfway, grid)
    velocity = gather(flow, origin, grid)
    if not affine:
        return velocity
    return torch.cat((velocity[:, None], gather_slopes(flow, origin, grid)), 1).flatten(1)
