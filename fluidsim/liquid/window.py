"""The window of a liquid: the box of cells that its fields cover, and how it follows the liquid.

Work and memory are those of the window, so that empty rooms cost nothing. Its sides that are not
the domain's are air which the liquid does not reach within a step.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.liquid.levelset import FAR
from fluidsim.liquid.seeding import Region, distance_at

AIR = math.ceil(FAR) + 2  # cells kept around the liquid after a step: where distances are clamped
AHEAD = 8  # cells more in a new window, at least, so that it need not change in every step
LATTICE = 4  # cells, at least, between the points at which shapes are looked for
LATTICE_POINTS = 128  # a side, at most
BLOCK = 4  # cells: windows begin and end at multiples
SMALLER = 0.7  # of the cells of the present window: then a smaller one is worth the change
NEARLY = 0.85  # of the cells of the domain: a larger window may as well be all of it


class Box(NamedTuple):
    """A box of cells of the domain: from `low` up to, without, `high`."""

    low: tuple[int, ...]
    high: tuple[int, ...]


def around(boxes: Iterable[Box | None]) -> Box | None:
    """The smallest box around those that are boxes; None if there are none."""
    known = [box for box in boxes if box is not None]
    if not known:
        return None
    low = tuple(map(min, zip(*(box.low for box in known), strict=True)))
    return Box(low, tuple(map(max, zip(*(box.high for box in known), strict=True))))


def box_of(cells: Tensor, grid: Grid) -> Box | None:
    """The smallest box around cells (*shape) bool of a window; None if there are none."""
    low, high = [], []
    for axis in range(grid.dim):
        others = [other for other in range(grid.dim) if other != axis]
        found = _any(cells, others).nonzero()
        if len(found) == 0:
            return None
        low.append(int(found[0]) + grid.origin[axis])
        high.append(int(found[-1]) + 1 + grid.origin[axis])
    return Box(tuple(low), tuple(high))


def window_for(
    distance: Tensor, held: Tensor, poured: Box | None, present: Grid, cfl: float
) -> Grid:
    """The window for the next step of a liquid.

    distance: (*nodes), of its surface. held: (*shape), the particles in each cell. poured: where
    more flows in.
    """
    wet = box_of((present.cells(distance) < 0) | (held > 0), present)
    return window_around(around((wet, poured)), present, cfl)


def window_around(box: Box | None, present: Grid, cfl: float) -> Grid:
    """The window for a step in which what is in the box moves by `cfl` cells at most.

    It is the present one, one that is larger where that is too small, or a much smaller one.
    """
    if box is None:
        return present
    domain = np.array(present.domain)
    margin = math.ceil(cfl) + AIR
    low, high = np.array(box.low) - margin, np.array(box.high) + margin
    first = np.clip((low - AHEAD) // BLOCK * BLOCK, 0, domain)
    last = np.clip(-(-(high + AHEAD) // BLOCK) * BLOCK, 0, domain)
    if np.prod(last - first) >= SMALLER * present.cell_count:
        start, end = np.array(present.origin), np.array(present.end)
        first = np.where(np.maximum(low, 0) < start, np.minimum(first, start), start)
        last = np.where(np.minimum(high, domain) > end, np.maximum(last, end), end)
    if np.prod(last - first) > NEARLY * present.whole.cell_count:
        return present.whole
    return present.window(first.tolist(), last.tolist())


def first_window(regions: Iterable[Region], grid: Grid, cfl: float) -> Grid:
    """The window of a domain for the first step of liquid that fills some regions."""
    return window_around(around(box_near(each, 0.0, grid) for each in regions), grid, cfl)


def box_near(region: Region, time: float, grid: Grid) -> Box | None:
    """A box around all cells of a domain that a region may reach into at a time."""
    step = max(LATTICE, -(-max(grid.domain) // LATTICE_POINTS))
    coarse = Grid(tuple(-(-n // step) for n in grid.domain), step * grid.dx)
    centres = coarse.cells(coarse.cell_positions(torch.device("cpu")).movedim(-1, 0)).movedim(0, -1)
    reach = (coarse.dx / 2 + grid.dx) * grid.dim**0.5
    box = box_of(distance_at(region, time)(centres) < reach, coarse)
    if box is None:
        return None
    high = (min(step * end, n) for end, n in zip(box.high, grid.domain, strict=True))
    return Box(tuple(step * first for first in box.low), tuple(high))


def _any(cells: Tensor, axes: Sequence[int]) -> Tensor:
    for axis in sorted(axes, reverse=True):
        cells = cells.any(axis)
    return cells
