"""Advection of a level set and the distance from particles, as torch expressions: the definition
of the kernels. Distances are in cells, at cell centres, stored on the nodes (see grid.py)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.grid.interpolation_torch import gather, keep_inside
from fluidsim.liquid.levelset_kernels import (
    EMPTY,
    HIDDEN,
    NEAR,
    OCCUPIED,
    RADIUS,
    REACH,
    SAMPLES,
    SCALE,
)

NONE = 1e-6  # weight of the particles around: less is that of none
SHORTEST = 1e-12  # cells: lengths below this have no direction


def carry(distance: Tensor, flow: Tensor, grid: Grid, step: float) -> Tensor:
    """Semi-Lagrangian advection of (*nodes), traced by the midpoint rule near the surface.

    flow: (dim, *nodes), m/s. step: dt / dx, s/m.
    """
    x = torch.stack([each.flatten() for each in _indices(grid, distance.device)], 1) + 0.5
    x = x.to(distance.dtype)
    here = grid.centred(flow).flatten(1).T
    values = _tapped(distance, keep_inside(x - step * here, grid), grid, (0, 1))
    near = (values.abs() < NEAR).nonzero()[:, 0]
    middle = keep_inside(x[near] - 0.5 * step * here[near], grid)
    origin = keep_inside(x[near] - step * gather(flow, middle, grid), grid)
    cubic = _tapped(distance, origin, grid, (-1, 0, 1, 2))
    result = torch.zeros_like(distance)
    grid.cells(result).copy_(values.index_put((near,), cubic).view(grid.shape))
    return result


def hold(
    distance: Tensor, x: Tensor, start: Tensor, kinds: Tensor, joined: Tensor, grid: Grid,
    held: float,
) -> Tensor:  # fmt: skip
    """The distance (*nodes), kept within `held` cells of that from the particles x (n, dim). If the
    cells around are all empty or all full (solid ones count as full), it is kept on that side of
    the surface. start, kinds, joined: see `LevelSet.hold`."""
    around, own = (grid.cells(each.view(grid.nodes)) for each in (joined, kinds))
    values = grid.cells(distance)
    empty, full = around & OCCUPIED == 0, around & EMPTY == 0
    kept = torch.where(empty, values.clamp(min=0.25), values.clamp(max=-0.25))
    kept = torch.where(empty | full, kept, values)
    mixed = (~empty & ~full & (own != HIDDEN)).nonzero()
    place = mixed.unbind(1)
    away = particle_distance(x, start, mixed, grid)
    low = away - held - (around[place] & HIDDEN != 0).to(away.dtype)
    limited = low.maximum(values[place].minimum(away + held))
    result = distance.clone()
    kept = torch.where(own == HIDDEN, values, kept).index_put(place, limited)
    grid.cells(result).copy_(kept)
    return result


def particle_distance(x: Tensor, start: Tensor, cells: Tensor, grid: Grid) -> Tensor:
    """Distance (m,) of the centres of cells (m, dim) from the particles, in cells; walls of the
    domain mirror these."""
    shape, strides = (cells.new_tensor(each) for each in (grid.shape, grid.strides))
    arms, present = [], []
    for number in itertools.product((-1, 0, 1), repeat=grid.dim):
        there = cells + cells.new_tensor(number)
        below, above = there < 0, there >= shape
        mirror = torch.where(above, 2.0 * shape, 0.0).to(x.dtype)
        sign = torch.where(below | above, -1.0, 1.0).to(x.dtype)
        place = (torch.where(below | above, cells, there) * strides).sum(1)
        first, count = start[place].long(), (start[place + 1] - start[place]).long()
        pace = (count // SAMPLES).clamp(min=1)
        for n in range(SAMPLES):
            known = n < count
            particle = torch.where(known, first + n * pace, 0)
            arms.append(mirror + sign * x[particle] - (cells + 0.5))
            present.append(known)
    if len(x) == 0 or len(cells) == 0:
        return x.new_full((len(cells),), REACH)
    arm, known = torch.stack(arms), torch.stack(present)
    weight = (1 - arm.square().sum(2) / REACH**2).clamp(min=0) ** 3 * known
    total = weight.sum(0)
    mean = (weight[..., None] * arm).sum(0) / total.clamp(min=NONE)[:, None]
    length = mean.square().sum(1).clamp(min=SHORTEST**2).sqrt()
    return torch.where(total > NONE, SCALE * (length - RADIUS), REACH)


def _indices(grid: Grid, device: torch.device) -> tuple[Tensor, ...]:
    lines = [torch.arange(n, device=device) for n in grid.shape]
    return torch.meshgrid(*lines, indexing="ij")


def _tapped(field: Tensor, x: Tensor, grid: Grid, taps: tuple[int, ...]) -> Tensor:
    """A cell field (*nodes) at points (n, dim) by polynomials through these centres on each axis,
    counted from the one below; clamped at the rim."""
    places = torch.zeros((len(x), 1), dtype=torch.int64, device=x.device)
    weights = torch.ones((len(x), 1), dtype=x.dtype, device=x.device)
    for k, (n, stride) in enumerate(zip(grid.shape, grid.strides, strict=True)):
        inside = (x[:, k] - 0.5).clamp(0, n - 1)
        base = inside.detach().long()
        t = inside - base
        across, along = [], []
        for tap in taps:
            weight = torch.ones_like(t)
            for other in taps:
                if other != tap:
                    weight = weight * (t - other) / (tap - other)
            along.append(weight)
            across.append((base + tap).clamp(0, n - 1) * stride)
        places = (places[:, :, None] + torch.stack(across, 1)[:, None, :]).flatten(1)
        weights = (weights[:, :, None] * torch.stack(along, 1)[:, None, :]).flatten(1)
    return (weights * field.reshape(-1)[places]).sum(1)
