"""The open parts of faces and cells: the fractions that lie outside solids.

Fluxes and pressure gradients weighted by the open part of a face see a wall where it is, at any
angle, instead of a staircase of cells: Batty, Bertails & Bridson 2007, "A fast variational
framework for accurate solid-fluid coupling".
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid

# Distances are reduced by _SHIFT cells, so that faces in the plane of a wall are closed. Fractions
# below _LEAST become 0, since smaller gaps let nothing pass, and those above _MOST become 1.
_SHIFT = 1e-4
_LEAST, _MOST = 0.01, 0.999


def open_fractions(distance: Tensor, grid: Grid, at: Callable[[Tensor], Tensor]) -> Tensor:
    """Open part of each face, (dim, *nodes) float32; 1 at stored points beyond the grid.

    distance: (*nodes), m, negative inside solids. at: returns the distance at points (n, dim), m.
    A face with corners on both sides is halved along each of its axes, so that curved walls fit; in
    its parts the distance is taken as linear on each edge (2D) or on the four triangles between the
    edges and the middle (3D).
    """
    fractions = torch.ones((grid.dim, *grid.nodes), device=distance.device)
    shift = _SHIFT * grid.dx
    if float(distance.detach().amin()) > shift:
        return fractions
    for axis in range(grid.dim):
        around = _around(axis, grid.dim)
        faces = [n + (k == axis) for k, n in enumerate(grid.shape)]
        corners = [
            distance[tuple(slice(o, o + n) for o, n in zip(steps, faces, strict=True))] - shift
            for steps in around
        ]
        lowest, highest = torch.aminmax(torch.stack(corners), dim=0)
        part = (lowest > 0).to(distance.dtype)
        crossed = (lowest <= 0) & (highest > 0)
        if crossed.any():
            offsets = torch.tensor(around, dtype=distance.dtype, device=distance.device)
            halves = (offsets + offsets.roll(-1, 0)) / 2  # of the edges; in 2D the middle, twice
            places = torch.cat((halves, offsets.mean(0, keepdim=True)))
            points = grid.metres(crossed.nonzero()[:, None] + places)
            inner = (at(points.flatten(0, 1)) - shift).view(-1, len(places)).unbind(1)
            values = [corner[crossed] for corner in corners]
            fill = _edges if grid.dim == 2 else _squares
            part[crossed] = fill(values, inner)
        part = torch.where(part < _LEAST, 0.0, torch.where(part > _MOST, 1.0, part))
        grid.faces(fractions, axis).copy_(part)
    return fractions


def without_dead_ends(opened: Tensor, walls: Tensor, inside: Tensor, grid: Grid) -> Tensor:
    """The open parts of faces with the only opening of a cell closed, where the middle of the cell
    is in a solid: neither liquid nor air can flow through it.

    As a pocket of air without pressure it would suck in liquid that nothing takes away, ever
    faster. opened: (dim, *nodes). walls: (dim, *nodes) bool, of the domain. inside: (*shape) bool.
    """
    ways = torch.zeros(grid.shape, dtype=torch.int8, device=opened.device)
    passable = (opened.detach() > 0) & ~walls
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(passable, axis)
        ways += faces.narrow(axis, 0, n).to(torch.int8) + faces.narrow(axis, 1, n)
    ends = inside & (ways == 1)
    if not bool(ends.any()):
        return opened
    closed = torch.zeros_like(walls)
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(closed, axis)
        for first in (0, 1):
            faces.narrow(axis, first, n).logical_or_(ends)
        if axis in grid.periodic:
            faces.select(axis, 0).logical_or_(faces.select(axis, n))
    return torch.where(closed, 0.0, opened)


def room(cut: Tensor, grid: Grid, at: Callable[[Tensor], Tensor]) -> Tensor:
    """The part of each cell outside solids, (*shape) float32; 1 unless `cut` (*shape) is true.

    at: returns the distance, m, at points (n, dim), m. The wall counts as flat in each of the
    2^dim parts of a cell.
    """
    result = torch.ones(grid.shape, device=cut.device)
    parts = torch.cartesian_prod(*[torch.tensor((0.25, 0.75), device=cut.device)] * grid.dim)
    points = grid.metres(cut.nonzero()[:, None] + parts)
    distance = at(points.flatten(0, 1)).view(-1, len(parts))
    result[cut] = (0.5 + distance / (0.5 * grid.dx)).clamp(0, 1).mean(1)
    return result


def _around(axis: int, dim: int) -> list[tuple[int, ...]]:
    """Corners of a face normal to an axis, as steps from the lowest one, in order around it."""
    ring = [(0,), (1,)] if dim == 2 else [(0, 0), (0, 1), (1, 1), (1, 0)]
    return [(*steps[:axis], 0, *steps[axis:]) for steps in ring]


def _edges(ends: Sequence[Tensor], inner: Sequence[Tensor]) -> Tensor:
    """The open part of an edge. inner: the value in its middle."""
    return torch.stack([_edge(end, inner[0]) for end in ends]).mean(0)


def _squares(corners: Sequence[Tensor], inner: Sequence[Tensor]) -> Tensor:
    """The open part of a square. inner: values in the middles of its edges, each after its first
    corner, and in its own middle."""
    *middles, centre = inner
    parts = [_square(a, middles[k], centre, middles[k - 1]) for k, a in enumerate(corners)]
    return torch.stack(parts).mean(0)


def _edge(a: Tensor, b: Tensor) -> Tensor:
    """The part of an edge on which the linear function between its ends is positive."""
    high, low = torch.maximum(a, b), torch.minimum(a, b)
    crossed = (low <= 0) & (high > 0)
    part = high / torch.where(crossed, high - low, 1.0)
    return torch.where(crossed, part, (low > 0).to(part.dtype))


def _square(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """The positive part of a square: the mean over the four triangles around its middle."""
    middle = (a + b + c + d) / 4
    ring = (a, b, c, d, a)
    parts = [_triangle(middle, p, q) for p, q in itertools.pairwise(ring)]
    return torch.stack(parts).mean(0)


def _triangle(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The part of a triangle on which the linear function with these corner values is positive."""
    low, middle, high = torch.stack((a, b, c)).sort(0).values
    most, least = (low <= 0) & (middle > 0), (middle <= 0) & (high > 0)
    below = low**2 / torch.where(most, (middle - low) * (high - low), 1.0)
    above = high**2 / torch.where(least, (high - low) * (high - middle), 1.0)
    whole = (low > 0).to(low.dtype)
    return torch.where(most, 1 - below, torch.where(least, above, whole))
