"""The packed levels of the CPU multigrid and how they are built from a system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from solvers.multigrid import coarsest, kernels, pieces, setup
from solvers.multigrid.spans import deal, find_rows, find_spans
from solvers.pool import Pool
from solvers.system import PoissonSystem

# Coarse weights towards p = 0 are multiplied by this on each level: 0.5 for the wider spacing of
# cells, 1.4 because the surface is closer to the mean active cell than the next aggregate is.
DIRICHLET_FACTOR = 0.5 * 1.4
# The coarsest level is the first with no more cells than this along any axis.
COARSEST_CELLS = 2
# Largest ratio of weights towards p = 0 to those between cells on a uniform level.
LARGEST_HELD = 1e6

# Levels on which `Hierarchy.count_parted` looks, and the part of the extra unknowns of a level that
# the next one has because of these, in 2D and 3D.
_LOOKED_AT, _KEPT = 3, {2: 0.7, 3: 0.45}

Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Buffers:
    """The arrays that a hierarchy works in, flat float32 unless stated otherwise.

    inverse: inverse diagonal, 0 where there is none. lower: couplings to the lower neighbours.
    x, b: vectors of all levels. q, red, and in float64 p, correction and red_x: vectors of one
        colour of the finest level.
    residual: float64 rows of the grid.
    moments: those of each level but the finest, see `solvers.multigrid.setup`.
    walls: float64 (nx, 2, nz), weights across a flat grid; empty in 3D.
    """

    inverse: np.ndarray
    lower: np.ndarray
    x: np.ndarray
    b: np.ndarray
    q: np.ndarray
    red: np.ndarray
    p: np.ndarray
    correction: np.ndarray
    red_x: np.ndarray
    residual: np.ndarray
    moments: list[np.ndarray]
    walls: np.ndarray

    @classmethod
    def of(cls, table: np.ndarray) -> Buffers:
        """Zero arrays for the levels of a table."""
        entries = int(table[-1, kernels.OFFSET] + table[-1, kernels.SIZE])
        size = int(table[:, kernels.SIZE].max())
        couplings = int(table[-1, kernels.WEIGHTS] + 6 * table[-1, kernels.SIZE])
        nx, ny, nz = table[0, :3].tolist()
        return cls(
            *(np.zeros(n, dtype=np.float32) for n in (2 * entries, couplings)),
            *(np.zeros(2 * entries, dtype=np.float32) for _ in range(2)),
            *(np.zeros(size, dtype=np.float32) for _ in range(2)),
            *(np.zeros(size) for _ in range(3)),
            residual=np.zeros((nx * ny, nz)),
            moments=[
                np.zeros((*((n + 1) // 2 for n in row), setup.MOMENTS), dtype=np.float32)
                for row in table[:, :3].tolist()
            ],
            walls=np.zeros((nx, 2, nz) if ny == 1 else (0, 0, 0)),
        )

    def clear(self) -> None:
        """Zero the vectors that kernels also read outside the cells of a system."""
        for vector in (self.x, self.b, self.red, self.correction, self.red_x):
            torch.from_numpy(vector).zero_()


_POOL: Pool[Shape, Buffers] = Pool()
_POOL_BELOW: Pool[Shape, Buffers] = Pool()


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """The levels of a system, finest first; a 2D grid (nx, nz) is (nx, 1, nz).

    buffers: used by one solve at a time; the next hierarchy of the same shape receives them when
        this one has been deleted.
    table: int64 (levels, columns of `solvers.multigrid.kernels`).
    spans: uint64 (spans of all levels, 2). cuts: int64 (levels, PARTS + 1), where they are cut into
        parts.
    rows: int64 (rows with cells of all levels but the finest, 4). row_cuts: like cuts.
    scale: factor by which the weights were multiplied.
    extra: unknowns beside the levels, see `pieces.joined`. is_divided: whether these were looked
        for.
    """

    buffers: Buffers
    table: np.ndarray
    spans: np.ndarray
    cuts: np.ndarray
    rows: np.ndarray
    row_cuts: np.ndarray
    scale: float
    extra: pieces.Arrays
    is_divided: bool

    @classmethod
    def of(cls, system: PoissonSystem, divided: bool = False) -> Hierarchy:
        """Build all levels of a system on the CPU.

        divided: whether aggregates that walls part are divided into pieces.
        """
        shapes = level_shapes(system.shape)
        table = _table(shapes)
        buffers = _POOL.take(shapes[0], lambda: Buffers.of(table))
        active, weights = _as_slab(system, buffers.walls)
        ranges = setup.weight_ranges(active, *weights)
        uniform, scale = uniform_scale(
            float(ranges[:, 0].max()), float(ranges[:, 1].min()), float(ranges[:, 2].max())
        )
        table[0, kernels.UNIFORM] = uniform
        places = (
            kernels.values(buffers.inverse, table[0]),
            kernels.couplings(buffers.lower, table[0]),
        )
        setup.fill_finest(active, *weights, scale, table[0], *places, buffers.moments[0])
        hierarchy = cls._completed(buffers, table, scale, system.unknowns, divided)
        _POOL.give_back_after(hierarchy, shapes[0], buffers)
        return hierarchy

    @classmethod
    def below(cls, shape: Sequence[int], fill: Callable[[np.ndarray], None]) -> Hierarchy:
        """The levels below the finest, for a solver that has a finest level of its own.

        The cycle then begins on level 1, from b there; level 0 is empty. shape: of the finest grid,
        more than COARSEST_CELLS along an axis. fill: writes the moments of level 1, as in `setup`.
        """
        shapes = level_shapes(shape)
        table = _table(shapes, own_finest=False)
        buffers = _POOL_BELOW.take(shapes[0], lambda: Buffers.of(table))
        table[0, kernels.UNIFORM] = True
        fill(buffers.moments[0])
        hierarchy = cls._completed(buffers, table, 1.0, own_finest=False)
        _POOL_BELOW.give_back_after(hierarchy, shapes[0], buffers)
        return hierarchy

    @classmethod
    def _completed(
        cls, buffers: Buffers, table: np.ndarray, scale: float, unknowns: int = 0,
        divided: bool = False, own_finest: bool = True,
    ) -> Hierarchy:  # fmt: skip
        """Build the levels below the finest, of which the next one has its moments.

        unknowns: of the finest level, if levels are to be divided.
        """
        levels, layers, divisions = [], [], []
        solved = coarsest.nothing()
        for index, level in enumerate(table):
            factor = np.float32(DIRICHLET_FACTOR**index)
            finer = buffers.moments[index - 1] if index else np.zeros((0,) * 4, dtype=np.float32)
            inverse = kernels.values(buffers.inverse, level)
            lower = kernels.couplings(buffers.lower, level)
            moments = buffers.moments[index]
            if index:
                setup.pack(finer, np.float32(2**index), factor, level, inverse, lower)
                setup.aggregate(finer, moments, np.float32(2**index))
            layer = pieces.Layer.empty()
            if index and divisions[-1] is not None:
                layer = divisions[-1].layer(factor, level, inverse)
            layers.append(layer)
            last, cells = index == len(table) - 1, (level, inverse, lower)
            levels.append((find_spans(inverse), find_rows(moments)))
            marks = None
            if divided and not last:
                marks = pieces.find(cells, layer, moments, np.float32(factor * DIRICHLET_FACTOR))
            if divided and not last and (marks is not None or index == 0):
                last = coarsest.is_small(cells, layer.code, len(layer.inverse), unknowns)
            if last:
                if divided and (index < len(table) - 1 or len(layer.inverse)):
                    solved = coarsest.exact(cells, layer.arrays, finer, factor)
                break
            division = None
            if marks is not None:
                division = pieces.divide(
                    cells, finer, 2.0**index, layer, marks, table[index + 1], moments
                )
            divisions.append(division)
        table = table[: len(levels)]
        buffers.clear()
        spans, cuts = _deal([spans for spans, _ in levels])
        no_rows = np.zeros((0, 4), dtype=np.int64)
        between = [rows for _, rows in levels[:-1]]
        if not own_finest:
            between[0] = no_rows
        rows, row_cuts = _deal([no_rows, *between])
        extra = pieces.joined(layers, divisions, solved)
        return cls(buffers, table, spans, cuts, rows, row_cuts, scale, extra, divided)

    @property
    def has_pieces(self) -> bool:
        """Whether there are unknowns beside the levels, or a level is solved exactly."""
        return len(self.extra[0]) + len(self.extra[10]) > 0

    def count_parted(self) -> float:
        """About how many unknowns there would be beside the levels if these were divided.

        For levels that are not.
        """
        found, kept = 0.0, 0.0
        for index, level in enumerate(self.table[:-1][:_LOOKED_AT]):
            inverse = kernels.values(self.buffers.inverse, level)
            cells = level, inverse, kernels.couplings(self.buffers.lower, level)
            moments, factor = self.buffers.moments[index], DIRICHLET_FACTOR ** (index + 1)
            marks = pieces.find(cells, pieces.Layer.empty(), moments, np.float32(factor))
            kept *= _KEPT[2 if self.table[0, kernels.NY] == 1 else 3]
            kept += 0 if marks is None else int(marks.sum())
            found += kept
        return found

    def cycle(self, factors: np.ndarray, coarsest_sweeps: int) -> None:
        """x = V-cycle of b, black cells of the finest level; see `kernels.cycle`."""
        own = self.buffers
        kernels.cycle(
            own.x, own.b, own.inverse, own.lower, own.q, self.table, self.spans, self.cuts,
            self.rows, self.row_cuts, factors, coarsest_sweeps, self.extra,
        )  # fmt: skip


def level_shapes(shape: Sequence[int]) -> list[Shape]:
    """Cells along three axes on each level; they are halved, rounding up, down to the coarsest."""
    cells = (shape[0], 1, shape[1]) if len(shape) == 2 else tuple(shape)
    shapes = [cells]
    while max(cells) > COARSEST_CELLS:
        cells = tuple((n + 1) // 2 for n in cells)
        shapes.append(cells)
    return [(nx, ny, nz) for nx, ny, nz in shapes]


def uniform_scale(
    largest: float, least_between: float, largest_between: float
) -> tuple[bool, float]:
    """Whether all weights between cells are equal, and the factor that brings weights near 1.

    largest: largest weight around an active cell. least_between, largest_between: smallest and
    largest weight between active cells, inf and 0 if there are none.
    """
    if largest <= 0:
        return True, 1.0
    if largest_between == 0:
        return least_between > 0, 1.0 / largest
    uniform = least_between == largest_between and largest <= LARGEST_HELD * largest_between
    return uniform, 1.0 / (largest_between if uniform else largest)


def _as_slab(
    system: PoissonSystem, walls: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Mask and weights in three dimensions; a 2D grid becomes a slab between two walls."""
    active = system.active.contiguous().numpy()
    weights = [w.detach().contiguous().numpy() for w in system.face_weights]
    if system.dim == 3:
        return active, (weights[0], weights[1], weights[2])
    across = walls.astype(weights[0].dtype, copy=False)
    return active[:, None], (weights[0][:, None], across, weights[1][:, None])


def _table(shapes: list[Shape], own_finest: bool = True) -> np.ndarray:
    table = np.zeros((len(shapes), 9), dtype=np.int64)
    for level, (nx, ny, nz) in zip(table, shapes, strict=True):
        row = _odd(nz + 1)
        plane = row * (_odd(ny + 1) if ny > 1 else 1)
        size = (kernels.LEAD + (nx + 2) * plane + row + 1) // 2 + kernels.BLOCK
        level[:5] = nx, ny, nz, row, plane
        level[kernels.SIZE] = size
    if not own_finest:
        table[0, kernels.SIZE] = kernels.BLOCK
    sizes = table[:, kernels.SIZE]
    table[1:, kernels.OFFSET] = np.cumsum(sizes)[:-1]
    table[:, kernels.WEIGHTS] = 6 * table[:, kernels.OFFSET]
    return table


def _odd(least: int) -> int:
    return least | 1


def _deal(pieces: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The pieces of all levels in one array, and where those of each level are cut into parts."""
    firsts = np.cumsum([0, *(len(piece) for piece in pieces)])
    cuts = [deal(piece, first) for piece, first in zip(pieces, firsts, strict=False)]
    return np.concatenate(pieces), np.stack(cuts)
