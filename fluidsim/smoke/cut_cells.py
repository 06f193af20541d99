"""Smoke in cells that solids cut: a correction of the transport, which treats them as whole.

Transport works with whole cells, so that small cut cells do not force small steps. The resulting
error of a cell's content is distributed to the cells around it in proportion to their room: the
flux redistribution of Chern & Colella 1987, "A conservative front tracking method for hyperbolic
conservation laws".
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid

ROUNDS = 4  # in which cells pass on what they cannot take; then as many with wider bounds
REACH = 2  # cells around a cut cell that may take a share


class CutCells:
    """The cells near solids, before and after these moved.

    before, after: (*shape) float32, the open part of each cell, 0 in solid ones. flowing: (*shape)
    bool, cells with open faces before or after, or with a flow through a face. open_faces:
    (dim, *nodes) float32, the open part of each face after the move.
    """

    def __init__(
        self, before: Tensor, after: Tensor, flowing: Tensor, open_faces: Tensor, grid: Grid
    ) -> None:
        self.grid = grid
        wrong = ((before < 1) | (after < 1)) & flowing
        near = wrong
        for _ in range(REACH):
            near = _grown(near, grid)
        near &= (after > 0) | wrong
        places = near.nonzero()
        strides = torch.tensor(grid.strides, device=after.device)
        self.cells = (places * strides).sum(1)
        self._wrong, self._before, self._after = wrong[near], before[near], after[near]
        numbers = torch.full(grid.shape, -1, dtype=torch.int64, device=after.device)
        numbers[near] = torch.arange(len(places), device=after.device)
        self._beside, self._stays, self._arrives = self._ways(places, numbers, open_faces)
        self._box, self._boxed = _box_around(places, grid)

    def set_right(self, values: Tensor, old: Tensor, volume: Tensor, dilutes: bool) -> Tensor:
        """`values` (*nodes) corrected so that each cell holds the right amount in its open part.

        old: (*nodes), the values before transport. volume: (*nodes), what transport has made of the
        volume of whole cells. dilutes: whether new volume dilutes the values.

        Beside solids the values stay within the range of old and new values around. An amount that
        finds no place there may extend the range to that of all old values; the rest is distributed
        to all cells near solids.
        """
        before, new = old.view(-1), values.view(-1)[self.cells]
        values = values * volume if dilutes else values.clone()
        if len(self.cells) == 0:
            return values
        flat = values.view(-1)
        room, size = self._after.double(), 1 + self._after - self._before
        if dilutes:
            size = volume.view(-1)[self.cells]
            flat[self.cells[self._wrong]] = new[self._wrong]
            new = flat[self.cells]
        lowest, highest = self._range(values, old)
        owed = (size - self._after) * new - (1 - self._before) * before[self.cells]
        owed = torch.where(self._wrong, owed, 0.0).double()
        for turn in range(2 * ROUNDS):
            if turn == ROUNDS:
                lowest, highest = torch.aminmax(old)
            owed = self._stays * owed + (self._arrives * owed[self._beside]).sum(1)
            taken = (owed / room.clamp(min=1e-6)).clamp(lowest - new, highest - new)
            changed = torch.where(room > 0, new + taken, new).to(new.dtype)
            owed = owed - (changed - new).double() * room
            new = changed
        weight = (new - lowest) * (highest - new)
        total = (weight * room).sum()
        if total > 0:
            new = (new + weight * (owed.sum() / total)).clamp(lowest, highest).to(new.dtype)
        return flat.index_put((self.cells,), new).view(values.shape)

    def _range(self, values: Tensor, old: Tensor) -> tuple[Tensor, Tensor]:
        """Lowest and highest value of both fields (*nodes) among all neighbours of each cell."""
        values, old = self.grid.cells(values)[self._box], self.grid.cells(old)[self._box]
        ranges = []
        for extreme in (torch.minimum, torch.maximum):
            most = _spread(extreme(values, old), extreme, self.grid.periodic)
            ranges.append(most.flatten()[self._boxed])
        return ranges[0], ranges[1]

    def _ways(
        self, places: Tensor, numbers: Tensor, open_faces: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The face neighbours of each cell (n, 2 dim), the part that stays in it in a round (n,),
        and the parts that arrive from the neighbours (n, 2 dim).

        A cell shares with neighbours across open faces, in proportion to their room; a cell that
        has become solid shares with all of them.
        """
        grid, room = self.grid, self._after.double()
        strides = torch.tensor(grid.strides, device=places.device)
        beside, ways = [], []
        for axis, n in enumerate(grid.shape):
            for up in (0, 1):
                there = places.clone()
                there[:, axis] += 2 * up - 1
                if axis in grid.periodic:
                    there[:, axis] %= n
                exists = (there[:, axis] >= 0) & (there[:, axis] < n)
                there[:, axis].clamp_(0, n - 1)
                number = numbers[tuple(there.T)]
                exists &= number >= 0
                face = places.clone()
                face[:, axis] += up
                opened = open_faces[axis].reshape(-1)[(face * strides).sum(1)].double()
                beside.append(torch.where(exists, number, 0))
                ways.append(torch.stack((exists * opened, exists.double())))
        neighbours, (opened, exists) = torch.stack(beside, 1), torch.stack(ways, 2)
        weights = torch.where(room[:, None] > 0, opened, exists) * room[neighbours]
        total = room + weights.sum(1)
        stays = torch.where(total > 0, room / total, 1.0)
        leaves = torch.where(total[:, None] > 0, weights / total[:, None], 0.0)
        back = torch.arange(2 * grid.dim, device=places.device) ^ 1
        arrives = torch.where(exists > 0, leaves[neighbours, back], 0.0)
        return neighbours, stays, arrives


def touched(flux: Tensor, grid: Grid) -> Tensor:
    """The cells (*shape) bool with a flow (dim, *nodes) through one of their faces."""
    found = torch.zeros(grid.shape, dtype=torch.bool, device=flux.device)
    for axis, n in enumerate(grid.shape):
        moves = grid.faces(flux, axis) != 0
        found |= moves.narrow(axis, 0, n) | moves.narrow(axis, 1, n)
    return found


def _grown(mask: Tensor, grid: Grid) -> Tensor:
    """The cells (*shape) bool and their neighbours, including those across edges and corners."""
    return _spread(mask, torch.logical_or, grid.periodic)


def _spread(field: Tensor, join: Callable[..., Tensor], periodic: tuple[int, ...]) -> Tensor:
    """Each value (*shape) joined with those of all neighbours, also across edges and corners."""
    for axis in range(field.ndim):
        n = field.shape[axis] - 1
        first, last = field.narrow(axis, 0, 1), field.narrow(axis, n, 1)
        below, above = (last, first) if axis in periodic else (first, last)
        below = torch.cat((below, field.narrow(axis, 0, n)), axis)
        above = torch.cat((field.narrow(axis, 1, n), above), axis)
        field = join(join(field, below), above)
    return field


def _box_around(places: Tensor, grid: Grid) -> tuple[tuple[slice, ...], Tensor]:
    """The box of these cells (n, dim) and their neighbours, which spans periodic axes as a whole;
    and the flat index (n,) of the cells in it."""
    if len(places) == 0:
        return (slice(0, 1),) * grid.dim, places.sum(1)
    low, high = (bound.tolist() for bound in torch.aminmax(places, dim=0))
    box = [
        (0, n) if axis in grid.periodic else (max(low[axis] - 1, 0), min(high[axis] + 2, n))
        for axis, n in enumerate(grid.shape)
    ]
    index = torch.zeros_like(places[:, 0])
    for axis, (begin, end) in enumerate(box):
        index = index * (end - begin) + places[:, axis] - begin
    return tuple(slice(*bounds) for bounds in box), index
