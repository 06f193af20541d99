"""Particles of an overcrowded cell move over to a neighbouring cell.

Splashes and colliding sheets press more particles into a cell than fill it. Deleting them would
lose liquid, so they move by one cell to a neighbour that has room. The fullest neighbour comes
first, so that holes are closed before the air is entered.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid import sorting
from fluidsim.grid.grid import Grid
from fluidsim.grid.interpolation import KEPT_FROM_WALL
from fluidsim.solid.solids import Solids


def spread(
    positions: Tensor, key: Tensor, counts: Tensor, solids: Solids, most: int, full: int
) -> bool:
    """Move the particles beyond `most` in a cell to its neighbours, until these hold `full`.

    positions: (n, dim) in grid coordinates, and key: (n,) int32, their cells; both change. counts:
    (node_count + 1,) int32, particles in each cell; the last entry counts those that left. No
    particle passes a partly closed face or enters a cell that a solid reaches into. Returns whether
    any cell was overcrowded.
    """
    grid = solids.grid
    crowded = counts > most
    crowded[grid.node_count] = False
    if not bool(crowded.any()):
        return False
    ours = torch.index_select(crowded, 0, key).nonzero()[:, 0]
    cells, order = torch.sort(key[ours].long(), stable=True)
    beyond = torch.arange(len(cells), device=key.device) - torch.searchsorted(cells, cells) - most
    ours, cells, beyond = (each[beyond >= 0] for each in (ours[order], cells, beyond))
    room = _room_beside(cells, counts, solids, grid, full)
    room, order = torch.sort(room, dim=1, stable=True)  # nearly full cells before the air
    choice = (beyond[:, None] >= room.cumsum(1)).sum(1)
    some = choice < room.shape[1]
    ours, side = ours[some], order[some, choice[some]]
    axis = side // 2
    top = torch.tensor(grid.shape, device=key.device)[axis] - KEPT_FROM_WALL
    moved = positions[ours, axis] + (side % 2 * 2 - 1)
    positions[ours, axis] = moved.clamp(min=KEPT_FROM_WALL).minimum(top)
    key[ours] = sorting.cells_of(positions[ours], grid.strides)
    return True


def _room_beside(cells: Tensor, counts: Tensor, solids: Solids, grid: Grid, full: int) -> Tensor:
    """The room for particles in the cells below and above on each axis, (n, 2 dim)."""
    room = []
    rest, solid, cut = cells, solids.solid.view(-1), solids.cut.view(-1)
    for axis, (n, stride) in enumerate(zip(grid.shape, grid.strides, strict=True)):
        at, rest = rest // stride, rest % stride
        opened = solids.open[axis].view(-1)
        for beside, exists in ((cells - stride, at > 0), (cells + stride, at < n - 1)):
            beside = torch.where(exists, beside, cells)
            free = exists & (opened[torch.maximum(cells, beside)] == 1)
            free &= (solid[beside] == 0) & (cut[beside] == 0)
            room.append((full - counts[beside]).clamp(min=0) * free)
    return torch.stack(room, 1)
