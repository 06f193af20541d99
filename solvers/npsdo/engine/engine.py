"""The learned cycle on the CPU: all that depends on the system is computed once, by kernels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from solvers.multigrid import kernels as multigrid
from solvers.multigrid.packed_levels import COARSEST_CELLS, Hierarchy
from solvers.multigrid.packed_space import COARSEST_SWEEPS
from solvers.multigrid.solver import relaxation
from solvers.npsdo.engine import aggregates, images, kernels, layout, walls
from solvers.npsdo.engine.band import Band
from solvers.npsdo.engine.setup import Job, LevelArrays, prepare
from solvers.npsdo.engine.stencils import Stencils
from solvers.pool import Pool
from solvers.row_layout import RowLayout


class Buffers:
    """The arrays of an engine.

    r, x, t, share: flat float32 vectors of both levels. fluid, air: flat float32 pictures. lines,
    numbers, extents, segments, origins, windows: see `setup.LevelArrays`. coefficients: those of
    windows; stencils: those of patterns. scaling: float32 rows of the grid. direction: float64,
    padded as in `RowLayout`; product, residual: float64 rows.

    Arrays with an entry per cell are mostly unused; zeros take memory only once written.
    """

    def __init__(self, table: np.ndarray) -> None:
        planes, rows, cells = table[0, [layout.PLANES, layout.ROWS, layout.CELLS]].tolist()
        coarse, ends = table[1], table[-1]
        self.r, self.x, self.t, self.share = _zeros(4, (ends[layout.VECTOR],), np.float32)
        self.fluid, self.air = _zeros(2, (ends[layout.PICTURE],), np.float32)
        self.lines = np.zeros(coarse[layout.PICTURE], dtype=np.uint64)
        self.numbers = np.zeros(coarse[layout.PICTURE], dtype=np.int32)
        self.extents = np.zeros((ends[layout.GRID_ROW], 3), dtype=np.int32)
        self.segments = np.zeros((coarse[layout.CELL], 4), dtype=np.int32)
        self.origins, self.windows = _zeros(2, (coarse[layout.CELL], 2), np.int32)
        self.scaling = np.zeros((planes * rows, cells), dtype=np.float32)
        self.product, self.residual = _zeros(2, (planes * rows, cells), np.float64)
        self.direction = np.zeros((planes * rows + 1, cells + 2))
        self.coefficients, self.stencils = _zeros(2, (0, 0), np.float32)

    def clear(self) -> None:
        """Zero the vectors that kernels also read outside the fluid."""
        for values in (self.r, self.x, self.t, self.share, self.direction):
            torch.from_numpy(values).zero_()

    def reserve(self, windows: int, patterns: int, width: int) -> None:
        """Make room for the coefficients of windows (`width`) and the stencils of patterns."""
        self.coefficients = _at_least(self.coefficients, windows, width)
        self.stencils = _at_least(self.stencils, patterns, width // 2 * 3)


_FACTORS = relaxation(2)  # of multigrid's sweeps
_POOL: Pool[tuple[int, ...], Buffers] = Pool()


@dataclass(frozen=True, eq=False)
class Engine:
    """SymmetricCycle for one system on the CPU, scaled to the weights of the system.

    z = S N(S r) / unit, where S is the `scaling` of the system times sqrt(unit), with sweeps over
    the band.

    buffers: used by one solve at a time; the next engine of the same shape receives them when this
        one has been deleted.
    table: int64 (2, layout.COLUMNS). cuts: int64 (PARTS, 3), row_cuts: int64 (2, PARTS + 1), see
        `kernels`.
    walls: places and weights of interpolation across walls, see `walls.find`.
    below: the levels below; None if the grid is so small that there are none.
    unit: a weight of the system.
    scaling: S, float32 rows of the grid; (1, cells) if it is the same for all rows.
    band: the cells that the network does not know; None if all weights are equal.
    """

    rows: RowLayout
    buffers: Buffers
    table: np.ndarray
    cuts: np.ndarray
    row_cuts: np.ndarray
    walls: tuple[np.ndarray, np.ndarray]
    below: Hierarchy | None
    unit: float
    scaling: np.ndarray
    band: Band | None

    @classmethod
    def of(cls, rows: RowLayout, stencils: Stencils) -> Engine:
        """Prepare the levels for a system on the CPU."""
        table = layout.level_table(rows.shape)
        own = _POOL.take(rows.shape, lambda: Buffers(table))
        unit, varies = _enter_system(rows, table[0], own)
        work = _Work(table, own, stencils)
        own.clear()
        work.run(Job.COARSEN)
        work.deal()
        work.run(Job.SHARE, Job.LINES, Job.WINDOWS, Job.SEGMENTS)
        work.reserve()
        work.run(Job.COEFFICIENTS, Job.STENCILS)
        fine, coarse = (
            (layout.picture(own.fluid, level), layout.picture(own.air, level))
            for level in table[:2]
        )
        numbers = layout.picture(own.numbers, table[0])
        found = walls.find(
            numbers, *fine, *coarse, layout.vector(own.share, table[0]), table[0], table[1]
        )
        scaling = own.scaling if varies else np.ones((1, own.scaling.shape[1]), dtype=np.float32)
        below = _levels_below(rows, scaling, unit)
        band = Band.of(rows, scaling, unit, table[0]) if varies else None
        cuts = (work.cuts, work.row_cuts)
        engine = cls(rows, own, table[:-1], *cuts, found, below, unit, scaling, band)
        _POOL.give_back_after(engine, rows.shape, own)
        return engine

    def cycle(self) -> float:
        """x = cycle of r in the buffers, on the finest level; returns (r, x)."""
        own, sums, below = self.buffers, np.zeros(layout.PARTS), self.below
        arrays = (
            own.r, own.x, own.t, own.share, own.stencils, own.segments, self.cuts, own.extents,
            self.row_cuts, self.table, *self.walls,
        )  # fmt: skip
        kernels.descend(*arrays)
        if below is not None:
            level, packed = self.table[1], below.table[1]
            b, x = (multigrid.values(flat, packed) for flat in (below.buffers.b, below.buffers.x))
            aggregates.pack(layout.vector(own.r, level), own.extents, level, b, packed)
            below.cycle(_FACTORS, COARSEST_SWEEPS)
            aggregates.unpack(layout.vector(own.x, level), own.extents, level, x, packed)
        kernels.ascend(*arrays, sums)
        return float(sums.sum())


def _levels_below(rows: RowLayout, scaling: np.ndarray, unit: float) -> Hierarchy | None:
    if max(rows.shape) <= COARSEST_CELLS:
        return None
    before = (*rows.shape[:-1], 1)[:2]

    def fill(moments: np.ndarray) -> None:
        weights = (rows.active, rows.along, rows.across, rows.faces, rows.neighbours)
        aggregates.fill_moments(*weights, scaling, unit, before, moments)

    return Hierarchy.below(rows.shape, fill)


def _zeros(count: int, shape: tuple[int, ...], dtype: type) -> Iterable[np.ndarray]:
    return (np.zeros(shape, dtype=dtype) for _ in range(count))


def _enter_system(rows: RowLayout, level: np.ndarray, own: Buffers) -> tuple[float, bool]:
    """Image and scaling of the finest level; returns a weight, and whether others occur."""
    weights = (rows.active, rows.along, rows.across, rows.faces)
    unit = images.some_weight(*weights)
    varies = np.zeros(len(rows.active), dtype=np.bool_)
    target = (own.fluid, own.air, own.extents, own.scaling, varies)
    images.finest(*weights, rows.neighbours, unit, level, *target)
    return unit, bool(varies.any())


class _Work:
    """The setup, and how it is dealt out; see `setup.LevelArrays`."""

    def __init__(self, table: np.ndarray, own: Buffers, stencils: Stencils) -> None:
        self.table, self.own, self.stencils = table, own, stencils
        self.row_cuts = np.zeros((2, layout.PARTS + 1), dtype=np.int64)
        self.windows, self.window_bases = _zeros(2, (layout.PARTS,), np.int64)
        self.counts = np.zeros((layout.PARTS, 2), dtype=np.int64)
        self.cuts = np.zeros((layout.PARTS, 3), dtype=np.int64)

    def run(self, *jobs: Job) -> None:
        """Do these jobs one after the other."""
        arrays = self._arrays()
        for job in jobs:
            prepare(job, arrays)

    def _arrays(self) -> LevelArrays:
        own, maps = self.own, self.stencils
        return LevelArrays(
            table=self.table,
            row_cuts=self.row_cuts,
            fluid=own.fluid,
            air=own.air,
            fluid_bits=own.fluid.view(np.uint32),
            air_bits=own.air.view(np.uint32),
            lines=own.lines,
            numbers=own.numbers,
            share=own.share,
            extents=own.extents,
            windows=own.windows,
            window_counts=self.windows,
            window_bases=self.window_bases,
            coefficients=own.coefficients,
            segments=own.segments,
            origins=own.origins,
            counts=self.counts,
            pattern_bases=self.cuts[:, 2],
            stencils=own.stencils,
            slopes=maps.slopes,
            biases=maps.biases,
            gain=maps.gain,
        )

    def deal(self) -> None:
        """Cut the rows of each level into parts with similar numbers of fluid cells."""
        share = np.arange(layout.PARTS + 1) / layout.PARTS
        for cuts, level in zip(self.row_cuts, self.table, strict=False):
            begin, count = level[layout.GRID_ROW], level[layout.PLANES] * level[layout.ROWS]
            done = np.append(0, np.cumsum(self.own.extents[begin : begin + count, 2]))
            cuts[:] = np.searchsorted(done, done[-1] * share)
            cuts[0], cuts[-1] = 0, count

    def reserve(self) -> None:
        """Assign places to the segments, windows and patterns that have been counted."""
        begins = self.row_cuts[0, :-1] * self.table[0, layout.CELLS]
        self.cuts[:, 0], self.cuts[:, 1] = begins, begins + self.counts[:, 0]
        patterns = self.counts[:, 1]
        self.cuts[:, 2] = np.cumsum(patterns) - patterns
        self.window_bases[:] = np.cumsum(self.windows) - self.windows
        width = len(self.stencils.biases)
        self.own.reserve(int(self.windows.sum()), int(patterns.sum()), width)


def _at_least(table: np.ndarray, count: int, width: int) -> np.ndarray:
    """The table, or a larger one if it has too few rows or another width."""
    if table.shape[1] == width and len(table) >= count:
        return table
    return np.zeros((count + count // 4, width), dtype=np.float32)
