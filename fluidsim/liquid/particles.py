"""The liquid's particles: sorting by cell, resampling, and their way to and from faces."""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid import scheduling, sorting
from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_plain
from fluidsim.liquid import resampling, transfer, transfer_torch
from fluidsim.liquid.band import Band
from fluidsim.liquid.crowding import spread
from fluidsim.liquid.refilling import Changes, fill
from fluidsim.solid.solids import Solids

SEEDED = {2: 4, 3: 8}  # particles in a full cell
FEWEST = {2: 2, 3: 3}  # kept in a cell surrounded by liquid
MOST = {2: 12, 3: 16}  # kept in any cell
ROOM = 1.2  # memory set aside for growth


class Particles:
    """Positions in grid coordinates (cells), velocities in m/s, sorted by cell.

    `positions` and `velocities` are (count, dim) float32 views of larger buffers. With `affine`
    (APIC) `slopes` (count, dim, dim) are those of the velocity: [a, m] of component a along m, m/s
    a cell.
    `start` (node_count + 2,) int32: the particles of cell c are start[c] .. start[c + 1] - 1.
    """

    def __init__(
        self,
        positions: Tensor,
        velocity: Tensor,
        grid: Grid,
        device: torch.device,
        affine: bool = False,
        band: Band | None = None,
    ):
        """positions: (n, dim) in grid coordinates. velocity: (n, dim) or (dim,), m/s."""
        self.grid = grid
        self.band = band
        self.device = device
        self.affine = affine
        self.width = transfer.velocity_width(grid.dim, affine)
        schedule = scheduling.for_device(device)
        self.kernels = transfer.kernels(grid.dim, schedule, affine)
        self.resampling = resampling.kernels(grid.dim, self.width)
        self.count = 0
        self._reserve(positions.shape[0])
        self.count = positions.shape[0]
        self.positions.copy_(positions)
        self.velocities.copy_(velocity.expand_as(positions))
        nodes = grid.node_count
        self.cell_counts = torch.zeros(nodes + 1, dtype=torch.int32, device=device)
        self.start = torch.zeros(nodes + 2, dtype=torch.int32, device=device)
        self._new_start = torch.zeros_like(self.start)
        self._wanted = torch.zeros(nodes, dtype=torch.int32, device=device)
        self._pairs = torch.zeros(2 * grid.dim * nodes, device=device)
        self._shape = self.kernels.ivec(*grid.shape)
        self._strides = self.kernels.ivec(*grid.strides)
        self._sort()

    @property
    def positions(self) -> Tensor:
        return self._x[: self.count * self.grid.dim].view(self.count, self.grid.dim)

    @property
    def velocities(self) -> Tensor:
        return self.records[:, : self.grid.dim]

    @property
    def slopes(self) -> Tensor:
        return self.records.view(self.count, 1 + self.grid.dim, self.grid.dim)[:, 1:]

    @property
    def records(self) -> Tensor:
        """Velocities, with `affine` followed by the slopes, (count, width)."""
        return self._v[: self.count * self.width].view(self.count, self.width)

    @property
    def held(self) -> Tensor:
        """Particles in each cell, (*shape) int32, or those that a deep cell stands for."""
        return self.grid.cells(self.filling)

    @property
    def filling(self) -> Tensor:
        """As `held`, stored, (*nodes) int32."""
        counts = self.cell_counts[: self.grid.node_count].view(self.grid.nodes)
        if self.band is None:
            return counts
        return torch.where(self.band.deep > 0, self.band.stands_for, counts)

    @property
    def buffers(self) -> tuple[Tensor, ...]:
        """All memory that grows with the number of particles."""
        return self._x, self._v, self._other_x, self._other_v, self._key

    def to_faces(self, velocity: Tensor, copy: Tensor, dt: float = 0.0) -> Tensor:
        """Write the weighted mean of the particle velocities on the faces (dim, *nodes) into both
        tensors, 0 where no particle is near.

        Near deep cells it is the velocity before, of `dt` seconds ago, carried along its own flow.
        Returns the sums of the weights, (dim, *nodes), valid until `move`.
        """
        if not are_plain(velocity, self._x, self._v):
            sources = self.positions, self.records
            return transfer_torch.write_faces(*sources, velocity, copy, self.grid)
        if self.band is not None:
            self.band.remember(velocity)
        self._pairs.zero_()
        for colour in self.kernels.colours:
            self.kernels.scatter(
                self._x, self._v, self.start, self._pairs, self._shape, self._strides,
                self.grid.node_count, colour,
            )  # fmt: skip
        self.kernels.normalise(self._pairs, velocity.view(-1), copy.view(-1))
        if self.band is not None:
            self.band.advect(velocity, copy, self._pairs, dt)
        return self._pairs.view(self.grid.dim, *self.grid.nodes, 2)[..., 1]

    def move(self, new: Tensor, old: Tensor, solids: Solids, dt: float, flip: float) -> Tensor:
        """Take velocities from the faces `new` and their change since `old`; then follow the flow.

        flip: share of the change in the PIC/FLIP blend; affine particles take `new` alone.
        Returns the flow that they followed, valid until `to_faces`: flat, for each face its
        velocity, m/s, and the change of it.
        """
        if not are_plain(new, self._x, self._v, solids.distance):
            moved = transfer_torch.move(self.positions, self.records, new, old, solids, dt, flip)
            self._x, self._v, self._key = (each.flatten() for each in moved)
            self._other_x, self._other_v = torch.zeros_like(self._x), torch.zeros_like(self._v)
            return torch.stack((new, new - old), -1).flatten()
        grid, ivec = self.grid, self.kernels.ivec
        self.kernels.pair(new.view(-1), old.view(-1), self._pairs)
        self.kernels.move(
            self._x, self._v, self._pairs, solids.distance.view(-1), self._key,
            self.count, self._shape, self._strides, grid.node_count,
            ivec(*(int(solids.is_open(k, False)) for k in range(grid.dim))),
            ivec(*(int(solids.is_open(k, True)) for k in range(grid.dim))),
            1 / grid.dx, dt, flip,
        )  # fmt: skip
        return self._pairs

    def sort_and_resample(
        self, cells: Tensor, solids: Solids, flow: Tensor, seed: int, dt: float = 0.0,
        wet: Tensor | None = None,
    ) -> Changes:  # fmt: skip
        """Sort by cell; let crowded cells spill over into their neighbours, remove particles from
        cells that are still crowded, and fill sparse cells inside the liquid.

        cells: (*nodes) int8, read for solid cells only. flow: from `move`; new particles take
        their velocity from where it was `dt` seconds ago. The same `seed` gives the same particles.
        wet: (*shape) bool, cells that may be deep: with a band these are found anew; particles
        there are left out, and cells that are no longer deep are filled, which counts as no change.
        """
        self._count()
        nodes, dim = self.grid.node_count, self.grid.dim
        keys = self._key[: self.count]
        if not are_plain(self._x):
            self._x = self._x.clone()  # which spreading writes on
        if spread(self.positions, keys, self._present(), solids, MOST[dim], SEEDED[dim]):
            self._count()
        sums = torch.zeros(2, dtype=torch.int32, device=self.device)
        self.resampling.plan_counts(
            self._present(), cells.view(-1), solids.cut.view(-1), self._wanted, sums,
            FEWEST[dim], SEEDED[dim], MOST[dim], self._shape, self._strides,
        )  # fmt: skip
        if self.band is not None and wet is not None:
            self.band.choose(self._wanted.view(self.grid.nodes), wet, solids)
        torch.cumsum(self._wanted, 0, dtype=torch.int32, out=self._new_start[1 : nodes + 1])
        self._new_start[nodes + 1] = self._new_start[nodes]
        added, removed = sums.tolist()
        left = int(self.cell_counts[nodes])
        after = int(self._new_start[nodes])
        self._reserve(after)
        self._reorder()
        self.count = after
        if added or self.band is not None:
            self._x, self._v = fill(
                self._x, self._v, (self.start, self._new_start), flow, solids, seed,
                dt / self.grid.dx,
            )  # fmt: skip
        self.start, self._new_start = self._new_start, self.start
        self.cell_counts[:nodes] = self._wanted
        self.cell_counts[nodes] = 0
        return Changes(added, removed, left)

    def near_surface(self, width: int, wet: Tensor, solids: Solids) -> Particles:
        """Those that remain with a band so wide; wet: see `Band.choose`."""
        band = Band(self.grid, self.device, width, SEEDED[self.grid.dim])
        band.choose(self.filling.clone(), wet, solids)
        kept = band.deep.view(-1)[sorting.cells_of(self.positions, self.grid.strides)] == 0
        positions, velocities = self.positions[kept], self.velocities[kept]
        return Particles(positions, velocities, self.grid, self.device, self.affine, band)

    def exchange(self, gone: Tensor, positions: Tensor, velocities: Tensor) -> None:
        """Drop the particles that are `gone` (count,) bool, and take in others, of no slopes.

        positions: (n, dim) in grid coordinates. velocities: (n, dim), m/s.
        """
        dim, kept = self.grid.dim, ~gone
        new = torch.nn.functional.pad(velocities, (0, self.width - dim))
        self._put(
            torch.cat((self.positions[kept], positions)), torch.cat((self.records[kept], new))
        )

    def moved(self, grid: Grid) -> Particles:
        """The same particles on another window of the domain."""
        way = [old - new for old, new in zip(self.grid.origin, grid.origin, strict=True)]
        positions = self.positions + self.positions.new_tensor(way)
        others = self.none(grid)
        velocities = self.state()["velocities"]
        others.restore({**others.state(), "positions": positions, "velocities": velocities})
        return others

    def none(self, grid: Grid) -> Particles:
        """No particles, of the same kind, on another window of the domain."""
        band = None if self.band is None else self.band.moved(grid)
        nothing = self.positions[:0], self.velocities[:0]
        return Particles(*nothing, grid, self.device, self.affine, band)

    def state(self) -> dict[str, Tensor]:
        """Positions, and velocities with slopes, at the end of a step; what is deep."""
        deep = {} if self.band is None else {"deep": self.band.deep}
        return {"positions": self.positions, "velocities": self.records, **deep}

    def carriers(self) -> dict[str, Tensor]:
        """The tensors that gradients with respect to the particles go through."""
        return {"positions": self._x, "velocities": self._v}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take the particles of a `state`; raises ValueError for ones outside of the grid."""
        positions, records = state["positions"], state["velocities"]
        wanted = [(len(positions), self.grid.dim), (len(positions), self.width)]
        if [tuple(positions.shape), tuple(records.shape)] != wanted:
            raise ValueError("the particles have another form")
        most = positions.new_tensor(self.grid.shape)
        if not ((positions >= 0) & (positions <= most)).all():
            raise ValueError("particles lie outside of the grid")
        if self.band is not None:
            self.band.restore(state["deep"])
        self._put(positions, records)

    def _present(self) -> Tensor:
        """`cell_counts` with the particles that deep cells stand for."""
        if self.band is None:
            return self.cell_counts
        return torch.cat((self.filling.view(-1), self.cell_counts[-1:]))

    def _put(self, positions: Tensor, records: Tensor) -> None:
        """Let these be the particles; sort them."""
        if self._x.requires_grad:
            self.count = 0  # so that no memory is written on that a gradient needs
        self._reserve(len(positions))
        self.count = len(positions)
        self._x[: positions.numel()] = positions.flatten()
        self._v[: records.numel()] = records.flatten()
        self._sort()

    def _sort(self) -> None:
        """Sort particles that were put in place from outside."""
        self._key[: self.count] = sorting.cells_of(self.positions, self.grid.strides)
        self._count()
        self._new_start.copy_(self.start)
        self._reorder()

    def _count(self) -> None:
        """Fill `cell_counts` and `start` from the keys."""
        sorting.count(self._key[: self.count], self.cell_counts)
        torch.cumsum(self.cell_counts, 0, dtype=torch.int32, out=self.start[1:])

    def _reorder(self) -> None:
        """Particles in the order of their keys, as many in each cell as `_new_start` has room."""
        dim, width = self.grid.dim, self.width
        if not are_plain(self._x, self._v):
            self._other_x, self._other_v = torch.zeros_like(self._x), torch.zeros_like(self._v)
        sorting.reorder(
            self._key[: self.count],
            (self._x.view(-1, dim)[: self.count], self._v.view(-1, width)[: self.count]),
            (self._other_x.view(-1, dim), self._other_v.view(-1, width)),
            self.start, self._new_start,
        )  # fmt: skip
        self._x, self._other_x = self._other_x, self._x
        self._v, self._other_v = self._other_v, self._v

    def _reserve(self, count: int) -> None:
        """Make room for `count` particles, keeping the present ones."""
        dim = self.grid.dim
        if self.count and count * dim <= self._x.numel():
            return
        room = int(count * ROOM) + 1
        old = (self._x, self._v, self._key) if self.count else ()
        self._x = torch.zeros(room * dim, device=self.device)
        self._v = torch.zeros(room * self.width, device=self.device)
        self._other_x, self._other_v = torch.zeros_like(self._x), torch.zeros_like(self._v)
        self._key = torch.zeros(room, dtype=torch.int32, device=self.device)
        for new, kept in zip((self._x, self._v, self._key), old):  # noqa: B905
            new[: kept.numel()] = kept
