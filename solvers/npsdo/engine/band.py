"""The engine's sweeps over cells whose weights the network does not know: CPU kernels over lists.

The sweeps are those of `solvers.npsdo.preconditioner`. Weights are in units of `unit`, S is the
scaling times its root, r is the residual divided by its norm, and z is in the matching units.
Kernels take flat arguments, the arrays of a `Band`; its methods call them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.npsdo.engine import layout
from solvers.npsdo.preconditioner import DAMPING, SWEEPS
from solvers.npsdo.scaling import UNLIKE
from solvers.row_layout import RowLayout

_SWEEPS, _DAMPING, _UNLIKE = np.int64(SWEEPS), np.float64(DAMPING), np.float64(UNLIKE)


@dataclass(frozen=True, eq=False)
class Band:
    """The n cells of a system that are `unlike` what the network knows.

    cells: int64 (n,), flat positions in the rows of the grid. places: int64 (n,), flat positions in
        a vector of the engine.
    beside, partners: int64 and int32 (n, 2 dim), places of the neighbours, and their numbers in the
        band, -1 for those outside it.
    diagonal, own: float64 and float32 (n,), sum of the weights, and S.
    weights, reach: float32 (n, 2 dim), weights towards active neighbours, and these times their S.
    before, change: float64 (n,), z of the sweeps before the network, and what all sweeps added.
    """

    cells: np.ndarray
    places: np.ndarray
    beside: np.ndarray
    partners: np.ndarray
    diagonal: np.ndarray
    own: np.ndarray
    weights: np.ndarray
    reach: np.ndarray
    before: np.ndarray
    change: np.ndarray

    @classmethod
    def of(cls, rows: RowLayout, scaling: np.ndarray, unit: float, level: np.ndarray) -> Band:
        found = np.zeros(rows.active.shape, dtype=np.bool_)
        fields = (rows.active, rows.along, rows.across, rows.faces, rows.neighbours, scaling, unit)
        _mark(*fields, found)
        cells = np.flatnonzero(found)
        numbers = np.full(found.shape, -1, dtype=np.int32)
        numbers.ravel()[cells] = np.arange(len(cells), dtype=np.int32)
        count, sides = len(cells), 2 * len(rows.across) + 2
        band = cls(
            cells,
            np.zeros(count, dtype=np.int64),
            np.zeros((count, sides), dtype=np.int64),
            np.full((count, sides), -1, dtype=np.int32),
            np.zeros(count),
            np.zeros(count, dtype=np.float32),
            *(np.zeros((count, sides), dtype=np.float32) for _ in range(2)),
            *(np.zeros(count) for _ in range(2)),
        )
        _fill(
            *fields, numbers, level, cells, band.places, band.beside, band.partners, band.diagonal,
            band.own, band.weights, band.reach,
        )  # fmt: skip
        return band

    def enter(self, r: np.ndarray, per_norm: float, entered: np.ndarray) -> None:
        """Sweeps before the network: sets `before` from r times per_norm, updates `entered`."""
        _enter(
            r.ravel(), per_norm, entered.ravel(), self.cells, self.places, self.beside,
            self.partners, self.diagonal, self.own, self.weights, self.reach, self.before,
        )  # fmt: skip

    def leave(self, r: np.ndarray, per_norm: float, z: np.ndarray) -> float:
        """Sweeps after the network: sets `change`; returns what the band adds to (r, z)."""
        return _leave(
            r.ravel(), per_norm, z.ravel(), self.cells, self.places, self.beside, self.partners,
            self.diagonal, self.own, self.weights, self.reach, self.before, self.change,
        )  # fmt: skip

    def add(self, p: np.ndarray, scale: float) -> None:
        """p += scale change, p padded as in `RowLayout`."""
        _add(p.ravel(), scale, p.shape[1] - 2, self.cells, self.change)


@numba.njit(cache=True)
def _weight(row, k, side, along, across, faces):
    """Weight of the face of a cell on a side: two of the last axis, then two of each other axis."""
    if side < 2:
        return np.float64(along[row, k + side])
    axis, above = side // 2 - 1, side % 2
    return np.float64(across[axis][faces[axis, above, row], k])


@numba.njit(cache=True)
def _neighbour(row, k, side, active, neighbours):
    """Row and cell of the active neighbour on a side; the row is -1 if there is none."""
    if side < 2:
        beside = k + 2 * side - 1
        known = 0 <= beside < active.shape[1] and active[row, beside]
        return (row if known else -1), beside
    there = neighbours[side // 2 - 1, side % 2, row]
    return (there if there < len(active) and active[there, k] else -1), k


@numba.njit(cache=True, parallel=True)
def _mark(active, along, across, faces, neighbours, scaling, unit, found):
    for index in numba.prange(len(active)):
        row = np.int64(index)
        _mark_row(row, active, along, across, faces, neighbours, scaling, unit, found[row])


@numba.njit(cache=True)
def _mark_row(row, active, along, across, faces, neighbours, scaling, unit, found):
    for k in range(len(found)):
        if not active[row, k]:
            continue
        own = np.float64(scaling[row, k])
        for side in range(2 * len(across) + 2):
            weight = _weight(row, k, side, along, across, faces)
            if weight > 0:
                there, beside = _neighbour(row, k, side, active, neighbours)
                other = own if there < 0 else np.float64(scaling[there, beside])
                found[k] |= abs(weight / unit * own * other - 1) > _UNLIKE


@numba.njit(cache=True)
def _fill(
    active, along, across, faces, neighbours, scaling, unit, numbers, level, cells, places, beside,
    partners, diagonal, own, weights, reach,
):  # fmt: skip
    """Fill all arrays of a `Band` but the last two; numbers: each cell's number in it, or -1."""
    for m in range(len(cells)):
        row, k = cells[m] // active.shape[1], cells[m] % active.shape[1]
        places[m] = layout.vector_row(level, row) * level[layout.WIDTH] + k + 1
        own[m] = scaling[row, k]
        for side in range(weights.shape[1]):
            weight = _weight(row, k, side, along, across, faces) / unit
            diagonal[m] += weight
            there, at = _neighbour(row, k, side, active, neighbours)
            beside[m, side] = places[m]
            if there >= 0:
                beside[m, side] = layout.vector_row(level, there) * level[layout.WIDTH] + at + 1
                partners[m, side] = numbers[there, at]
                weights[m, side] = weight
                reach[m, side] = weight * scaling[there, at]


@numba.njit(cache=True)
def _sweep(z, rest, cells, partners, diagonal, weights, times, product):
    """z += damped Jacobi steps for A z = rest within the band."""
    for _ in range(times):
        for m in range(len(cells)):
            product[m] = diagonal[m] * z[m]
            for side in range(partners.shape[1]):
                if partners[m, side] >= 0:
                    product[m] -= weights[m, side] * z[partners[m, side]]
        for m in range(len(cells)):
            z[m] += _DAMPING / diagonal[m] * (rest[m] - product[m])


@numba.njit(cache=True)
def _enter(
    r, per_norm, entered, cells, places, beside, partners, diagonal, own, weights, reach, before,
):  # fmt: skip
    rest, product = np.empty(len(cells)), np.empty(len(cells))
    for m in range(len(cells)):
        rest[m] = per_norm * r[cells[m]]
        before[m] = _DAMPING / diagonal[m] * rest[m]
    _sweep(before, rest, cells, partners, diagonal, weights, _SWEEPS - 1, product)
    for m in range(len(cells)):
        entered[places[m]] -= np.float32(own[m] * diagonal[m] * before[m])
        for side in range(reach.shape[1]):
            entered[beside[m, side]] += np.float32(reach[m, side] * before[m])


@numba.njit(cache=True)
def _leave(
    r, per_norm, z, cells, places, beside, partners, diagonal, own, weights, reach, before, change,
):  # fmt: skip
    rest, product = np.empty(len(cells)), np.empty(len(cells))
    total = 0.0
    for m in range(len(cells)):
        # A S z, z of the network alone.
        applied = diagonal[m] * np.float64(own[m] * z[places[m]])
        for side in range(reach.shape[1]):
            applied -= np.float64(reach[m, side]) * z[beside[m, side]]
        rest[m] = per_norm * r[cells[m]] - applied
        change[m] = before[m]
        total += before[m] * applied
    _sweep(change, rest, cells, partners, diagonal, weights, _SWEEPS, product)
    for m in range(len(cells)):
        total += per_norm * r[cells[m]] * change[m]
    return total


@numba.njit(cache=True)
def _add(p, scale, width, cells, change):
    for m in range(len(cells)):
        row = cells[m] // width
        p[cells[m] + 2 * row + 1] += scale * change[m]
