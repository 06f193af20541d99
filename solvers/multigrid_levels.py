"""The packed levels of the CPU multigrid and how they are built from a system."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solvers import multigrid_kernels as kernels
from solvers import multigrid_setup as setup
from solvers.system import PoissonSystem

# Coarse weights towards p = 0 shrink by this a level: half for the wider spacing of the cells,
# 1.4 because the surface is nearer to the mean active cell than the next aggregate is.
DIRICHLET_FACTOR = 0.5 * 1.4
# Levels end when no axis has more cells than this.
COARSEST_CELLS = 2


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Levels in flat float32 arrays, finest first; 2D grids are slabs one cell thick.

    table: int64 (levels, 6): cells along the three axes, entries of a colour in finer levels, and
        where the spans of the level begin and end.
    spans: int64 (all rows with unknowns, 4): i, j, first entry of the row and one past the last.
    inverse: inverse diagonal, 0 where there is none. lower: couplings to the lower neighbours.
    x, b: vectors of all levels, for the V-cycle to work in: one solve at a time.
    """

    table: np.ndarray
    spans: np.ndarray
    inverse: np.ndarray
    lower: np.ndarray
    x: np.ndarray
    b: np.ndarray

    @classmethod
    def of(cls, system: PoissonSystem) -> Hierarchy:
        """Build all levels of a system on the CPU."""
        table = _table(level_shapes(system.shape))
        entries = int(table[-1, 3] + _entries(table[-1]))
        inverse, lower = _zeros(2 * entries), _zeros(6 * entries)
        dirichlet = _zeros(2, _entries(table[0]))
        active, weights = _as_slab(system)
        own_lower = kernels.couplings(lower, table, 0)
        own_inverse = kernels.values(inverse, table, 0)
        finest = (own_lower, dirichlet, own_inverse)
        scale = weight_scale(float(setup.largest_weights(active, weights).max()))
        setup.fill_finest(active, weights, scale, *finest)
        raw, mass, centre = own_lower, _zeros(1, 1), _zeros(1, 1, 1)
        spans = [setup.find_spans(_cells(table, 0), own_inverse)]
        for index in range(1, len(table)):
            size = _entries(table[index])
            sums = (_zeros(2, 3, size), _zeros(2, size), _zeros(2, size), _zeros(2, 3, size))
            fine, cells = _cells(table, index - 1), _cells(table, index)
            spacing = np.float32(2 ** (index - 1))
            finer = (own_inverse, raw, dirichlet, mass, centre)
            setup.aggregate(fine, cells, spacing, index == 1, *finer, sums)
            raw, dirichlet, mass, centre = sums
            own_lower = kernels.couplings(lower, table, index)
            own_inverse = kernels.values(inverse, table, index)
            setup.weigh(cells, np.float32(2**index), raw, centre, own_lower)
            factor = np.float32(DIRICHLET_FACTOR**index)
            setup.invert_diagonal(cells, own_lower, dirichlet, factor, own_inverse)
            spans.append(setup.find_spans(cells, own_inverse))
        ends = np.cumsum([len(rows) for rows in spans])
        table[:, 5] = ends
        table[1:, 4] = ends[:-1]
        vectors = _zeros(2 * entries), _zeros(2 * entries)
        return cls(table, np.concatenate(spans), inverse, lower, *vectors)

    def cycle(self, factors: np.ndarray, coarsest_sweeps: int) -> None:
        """x = V-cycle of b, both of the finest level; see `multigrid_kernels.cycle`."""
        arrays = (self.x, self.b, self.inverse, self.lower, self.table, self.spans)
        kernels.cycle(*arrays, factors, coarsest_sweeps)


def level_shapes(shape: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Cells along three axes on each level, halved and rounded up until all are few."""
    cells = (1,) * (3 - len(shape)) + tuple(shape)
    shapes = [cells]
    while max(cells) > COARSEST_CELLS:
        cells = tuple((n + 1) // 2 for n in cells)
        shapes.append(cells)
    return [(nx, ny, nz) for nx, ny, nz in shapes]


def weight_scale(largest: float) -> float:
    """Brings the largest face weight of an active cell to 1, well within float32."""
    return 1.0 / largest if largest > 0 else 1.0


def _as_slab(system: PoissonSystem) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Mask and weights in three dimensions; a flat grid lies between two walls."""
    active = system.active.contiguous().numpy()
    weights = [w.detach().contiguous().numpy() for w in system.face_weights]
    if system.dim == 2:
        wall = np.zeros((2, *system.shape), dtype=weights[0].dtype)
        active, weights = active[None], [wall, *(w[None] for w in weights)]
    return np.ascontiguousarray(active), tuple(np.ascontiguousarray(w) for w in weights)


def _table(shapes: list[tuple[int, int, int]]) -> np.ndarray:
    table = np.zeros((len(shapes), 6), dtype=np.int64)
    table[:, :3] = shapes
    sizes = [_entries(row) for row in table]
    table[1:, 3] = np.cumsum(sizes)[:-1]
    return table


def _entries(row: np.ndarray) -> int:
    """Entries of one colour on a level, with the ring around it."""
    return int((row[0] + 2) * (row[1] + 2) * ((row[2] + 1) // 2 + 2))


def _cells(table: np.ndarray, index: int) -> tuple[int, int, int]:
    nx, ny, nz = table[index, :3].tolist()
    return nx, ny, nz


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, dtype=np.float32)
