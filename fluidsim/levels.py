"""Where a field is known: levels, by which it is continued to the points where it is not."""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid import Grid

UNKNOWN, KNOWN, OUTSIDE = 0, 1, -1


def levels_beside(known: Tensor, kept: Tensor, grid: Grid) -> Tensor:
    """Levels (dim, *nodes) that make the faces of the `known` cells (*shape) bool known.

    kept: (dim, *nodes) bool; other faces are unknown all the same.
    """
    level = grid.zeros(known.device, grid.dim, dtype=torch.int8).fill_(OUTSIDE)
    flags = known.to(torch.int8) * KNOWN
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(level, axis)
        faces.fill_(UNKNOWN)
        faces.narrow(axis, 0, n).bitwise_or_(flags)
        faces.narrow(axis, 1, n).bitwise_or_(flags)
        if axis in grid.periodic:
            first, last = faces.select(axis, 0), faces.select(axis, n)
            last.copy_(first.bitwise_or_(last))
        faces.mul_(grid.faces(kept, axis))
    return level


def levels_of(known: Tensor, components: int, grid: Grid) -> Tensor:
    """Levels (components, *nodes) that make the `known` cells (*shape) bool known."""
    level = grid.zeros(known.device, components, dtype=torch.int8).fill_(OUTSIDE)
    grid.cells(level).copy_(torch.where(known, KNOWN, UNKNOWN))
    return level
