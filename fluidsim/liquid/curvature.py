"""Curvature of the surface where it crosses the lines between cell centres.

A paraboloid is fitted to the crossings around each one, by least squares with nearly Gaussian
weights. So the curvature depends on where the surface is, not on the level set around it, and noise
of the size of a cell, which no grid can carry as waves, does not enter. Fits of paraboloids to
points of a surface: Renardy & Renardy 2002, "PROST", section 3, and Popinet 2009, "An accurate
adaptive solver for surface-tension-driven interfacial flows", section 5.4.

What is fitted is averaged along the surface where that is smooth. Where it is oblique, a cell at it
has crossings on two sides; curvatures that alternate between them would press the liquid in on one
side and out on the other, along the surface, which does not move for it and so does not stop it: a
round drop would stir itself up.

The surface is looked at where it will be after a part of the step: the shortest waves that are left
would grow in long steps, and are damped by this.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_recorded
from fluidsim.liquid import averaging, paraboloids
from fluidsim.liquid.averaging import averages, averages_as_defined
from fluidsim.liquid.paraboloids import bends, bends_as_defined

# Cells beyond the domain's sides in which the surface is mirrored.
MARGIN = averaging.REACH + paraboloids.REACH + 2
SMALLEST = 2.0  # cells: radius of the smallest drop whose surface is seen
FORESIGHT = 0.1  # of a step: so far ahead is the surface that presses on the liquid
FLAT = 1e-6  # smaller slopes of the distance point nowhere
ROUNDS = 6  # of Newton's method for the place of a crossing


def curvature(distance: Tensor, grid: Grid, rise: Tensor | None = None) -> Tensor:
    """div(grad phi / |grad phi|) at the surface, on the faces (dim, *nodes) between whose cells it
    passes, float64, 1/m; 0 elsewhere.

    distance phi: (*shape), any unit; positive curvature is that of a ball of negative distance. At
    most that of drops of a radius of 2 cells: smaller ones are pressed on alike from all sides,
    which does not move them. The surface meets the domain's sides squarely. rise: (*shape), cells;
    the curvature is that of the surface moved by it into the air, still on the same faces.
    """
    found = crossings(distance, grid, rise)
    places = found.points, found.normals, found.cells, found.numbers
    on_cpu = distance.device.type == "cpu" and not are_recorded(found.points, found.normals)
    fitted = (bends if on_cpu else bends_as_defined)(*places, found.near)
    most = (grid.dim - 1) / SMALLEST
    result = grid.zeros(distance.device, grid.dim, dtype=torch.float64)
    if found.near:
        average = averages if on_cpu else averages_as_defined
        values = average(fitted.clamp(-most, most), *places, len(found.faces))
        result.view(-1)[found.faces] = values / grid.dx
    return result


@dataclass(frozen=True, eq=False)
class Crossings:
    """Where the surface crosses the lines between centres of cells beside each other.

    The first n of m crossings lie in the domain, the others mirrored in its sides; averages in the
    domain reach the first `near` of them. faces (n,) int64: between those cells, flat in a face
    field. points (m, dim), in cells, and normals, of length 1, into the air. cells (m,): the lower
    cell, flat in an array that has MARGIN cells more on each side. numbers (*that shape, dim)
    int32: of the crossing above a cell, -1 for none.
    """

    faces: Tensor
    near: int
    points: Tensor
    normals: Tensor
    cells: Tensor
    numbers: Tensor


def foreseen_rise(distance: Tensor, velocity: Tensor, grid: Grid, dt: float) -> Tensor:
    """How far into the air the velocity (dim, *nodes), m/s, moves the surface in FORESIGHT of a
    step, in cells, (*shape).

    distance: (*shape), any unit. Pressed on by the curvature that it will have there (so all of a
    step ahead: Hysing 2006, "A new implicit surface tension implementation for interfacial flows"),
    the surface feels a force against its velocity: in a time t a wave of angular frequency w loses
    1 - exp(-FORESIGHT w^2 dt t / 2) of its amplitude, and none grows in steps that are long for it.
    """
    along, square = torch.zeros_like(distance), torch.zeros_like(distance)
    for axis, n in enumerate(grid.shape):
        place = torch.arange(n, device=distance.device)
        above = distance.index_select(axis, (place + 1).clamp(max=n - 1))
        slope = above - distance.index_select(axis, (place - 1).clamp(min=0))
        faces = grid.faces(velocity, axis)
        along += (faces.narrow(axis, 0, n) + faces.narrow(axis, 1, n)) / 2 * slope
        square += slope.square()
    return along / square.clamp(min=FLAT**2).sqrt() * (FORESIGHT * dt / grid.dx)


def crossings(distance: Tensor, grid: Grid, rise: Tensor | None = None) -> Crossings:
    """Those of the zero of `distance` (*shape), by cubics through four centres of a line.

    rise: (*shape), cells, by which points are then moved along their normals.
    """
    values = _mirrored(distance, grid)
    flat, strides = values.view(-1), values.stride()
    inner = tuple(slice(1, n - 2) for n in values.shape)
    cells, axes, places = [], [], []
    for axis in range(grid.dim):
        below = values[inner] < 0
        above = values.roll(-1, axis)[inner] < 0
        place = (below != above).nonzero() + 1
        cells.append((place * torch.tensor(strides, device=place.device)).sum(1))
        axes.append(torch.full_like(cells[-1], axis))
        places.append(place)
    cell, axis, place = torch.cat(cells), torch.cat(axes), torch.cat(places)
    size = torch.tensor(grid.shape, device=cell.device)
    along = torch.nn.functional.one_hot(axis, grid.dim)
    beyond = torch.maximum(MARGIN - place, place + along + 1 - size - MARGIN).amax(1)
    inside, near = beyond <= 0, beyond <= averaging.REACH
    order = torch.cat([each.nonzero()[:, 0] for each in (inside, near & ~inside, ~near)])
    cell, axis, place, along = cell[order], axis[order], place[order], along[order]
    step = torch.tensor(strides, device=cell.device)[axis]
    part = _root(*(flat[cell + k * step] for k in (-1, 0, 1, 2)))
    slopes = [
        torch.lerp(
            flat[cell + s] - flat[cell - s], flat[cell + step + s] - flat[cell + step - s], part
        )
        for s in strides
    ]
    points = place + along * part[:, None]
    normals = torch.nn.functional.normalize(torch.stack(slopes, 1), dim=1)
    if rise is not None:
        rises = _mirrored(rise, grid).view(-1)
        points = points + normals * torch.lerp(rises[cell], rises[cell + step], part)[:, None]
    numbers = cell.new_full((flat.numel(), grid.dim), -1, dtype=torch.int32)
    numbers[cell, axis] = torch.arange(len(cell), device=cell.device, dtype=torch.int32)
    count = int(inside.sum())
    nodes = place[:count] - MARGIN + along[:count]
    faces = axis[:count] * grid.node_count
    faces += (nodes * torch.tensor(grid.strides, device=cell.device)).sum(1)
    return Crossings(
        faces,
        int(near.sum()),
        points,
        normals,
        cell,
        numbers.view(*values.shape, grid.dim),
    )


def _mirrored(values: Tensor, grid: Grid) -> Tensor:
    """(*shape) with MARGIN cells more on each side, mirrored in it, float64."""
    values = values.double()
    for axis, n in enumerate(grid.shape):
        place = torch.arange(-MARGIN, n + MARGIN, device=values.device) % (2 * n)
        values = values.index_select(axis, torch.minimum(place, 2 * n - 1 - place))
    return values


def _root(before: Tensor, low: Tensor, high: Tensor, after: Tensor) -> Tensor:
    """Part of the way from `low` to `high`, of other sign, at which the cubic through all is 0."""
    part = low / (low - high)
    first, last = torch.zeros_like(part), torch.ones_like(part)
    for _ in range(ROUNDS):
        value, slope = torch.zeros_like(part), torch.zeros_like(part)
        for k, known in enumerate((before, low, high, after), -1):
            others = [part - m for m in (-1, 0, 1, 2) if m != k]
            scale = known / ((-6, 2, -2, 6)[k + 1])
            value += scale * others[0] * others[1] * others[2]
            slope += scale * sum(a * b for a, b in itertools.combinations(others, 2))
        same = (value < 0) == (low < 0)
        first, last = torch.where(same, part, first), torch.where(same, last, part)
        guess = part - value / slope
        between = (guess >= first) & (guess <= last)
        part = torch.where(between, guess, (first + last) / 2)
    return part
