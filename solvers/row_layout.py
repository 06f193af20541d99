"""The system as rows along the last axis, and the CPU kernels that run over them.

Work is dealt out by rows with active cells, and within a row only the span from the first to the
last active cell is touched. Sums are kept per row and added up in the order of the rows, so results
are bitwise the same from run to run and for any number of threads. The arguments of the kernels are
flat; `RowLayout` calls them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from solvers import kernel_cache  # noqa: F401
from solvers.system import PoissonSystem

# Sums within a row may be reordered (SIMD lanes), but NaN and Inf keep their meaning.
_FASTMATH = {"reassoc", "contract", "nsz"}


@dataclass(frozen=True, eq=False)
class RowLayout:
    """Arrays for the kernels: the grid as m rows (all axes but the last, flattened) of n cells.

    Vectors that a stencil reads are padded, (m + 1, n + 2): cell k of a row is at k + 1, with zeros
    around, and the last row is zero and stands for everything outside the grid.

    active: bool (m, n). along: weights on the faces of the last axis, (m, n + 1).
    across: for each other axis the weights as rows, (face rows, n).
    faces, neighbours: int64 (dim - 1, 2, m): for each other axis and side (below, above) the row of
        the face in `across`, and the row of the neighbour in a padded vector.
    closes: whether the last axis is periodic. The padding before and after the cells of a row then
        holds the last and the first of them; `product` and `residual` set it.
    spans: int64 (rows with active cells, 3): row, first active cell, one past the last.
    """

    shape: tuple[int, ...]
    active: np.ndarray
    along: np.ndarray
    across: tuple[np.ndarray, ...]
    faces: np.ndarray
    neighbours: np.ndarray
    closes: bool
    spans: np.ndarray

    @classmethod
    def of(cls, system: PoissonSystem) -> RowLayout:
        """Layout of a system on the CPU; contiguous tensors are not copied."""
        cells = system.shape[-1]
        active = system.active.contiguous().numpy().reshape(-1, cells)
        weights = [w.detach().contiguous().numpy() for w in system.face_weights]
        faces, neighbours = _row_tables(system.shape[:-1], system.periodic[:-1])
        return cls(
            shape=system.shape,
            active=active,
            along=weights[-1].reshape(-1, cells + 1),
            across=tuple(w.reshape(-1, cells) for w in weights[:-1]),
            faces=faces,
            neighbours=neighbours,
            closes=system.periodic[-1],
            spans=_spans(active),
        )

    def zeros(self) -> np.ndarray:
        """A vector of zeros, (m, n)."""
        return np.zeros(self.active.shape)

    def padded_zeros(self) -> np.ndarray:
        """A padded vector of zeros, (m + 1, n + 2)."""
        rows, cells = self.active.shape
        return np.zeros((rows + 1, cells + 2))

    def padded(self, v: Tensor) -> np.ndarray:
        """A padded copy of a grid tensor, which must be 0 in inactive cells."""
        result = self.padded_zeros()
        result[:-1, 1:-1] = v.numpy().reshape(self.active.shape)
        return result

    def to_grid(self, padded: np.ndarray) -> Tensor:
        """The grid tensor in a padded vector; a copy."""
        return torch.from_numpy(padded[:-1, 1:-1].reshape(self.shape))

    def product(self, p: np.ndarray, q: np.ndarray) -> float:
        """q = A p on the active cells; returns (p, q). p is padded, q is not."""
        self._close(p)
        sums = np.zeros(len(self.spans))
        _product(p, q, sums, *self.tables)
        return float(sums.sum())

    def residual(self, b: np.ndarray, p: np.ndarray, r: np.ndarray) -> float:
        """r = b - A p on the active cells; returns (r, r). p is padded, b and r are not."""
        self._close(p)
        sums = np.zeros(len(self.spans))
        _residual(b, p, r, sums, *self.tables)
        return float(sums.sum())

    def _close(self, padded: np.ndarray) -> None:
        if self.closes:
            padded[:, 0], padded[:, -1] = padded[:, -2], padded[:, 1]

    @property
    def tables(self) -> tuple[Any, ...]:
        faces = (self.faces, self.neighbours)
        return (self.active, self.along, self.across, *faces, self.spans)


def residual(system: PoissonSystem, b: Tensor, p: Tensor) -> Tensor:
    """b - A p by the kernels, for float64 tensors on the CPU that are 0 in inactive cells."""
    layout = RowLayout.of(system)
    result, rows = layout.zeros(), b.contiguous().numpy().reshape(layout.active.shape)
    layout.residual(rows, layout.padded(p), result)
    return torch.from_numpy(result.reshape(layout.shape))


@lru_cache(maxsize=4)
def _row_tables(rows: tuple[int, ...], periodic: tuple[bool, ...]) -> tuple[np.ndarray, np.ndarray]:
    """`faces` and `neighbours` of a RowLayout whose rows have this shape."""
    count = int(np.prod(rows))
    number = np.arange(count).reshape(rows)
    faces, neighbours = [], []
    for axis in range(len(rows)):
        grown = [n + (d == axis) for d, n in enumerate(rows)]
        face = np.moveaxis(np.arange(np.prod(grown)).reshape(grown), axis, 0)
        ring = [(int(d == axis),) * 2 for d in range(len(rows))]
        if periodic[axis]:
            cell = np.pad(number, ring, mode="wrap")
        else:
            cell = np.pad(number, ring, constant_values=count)
        cell = np.moveaxis(cell, axis, 0)
        sides = (face[:-1], face[1:], cell[:-2], cell[2:])
        flat = [np.moveaxis(side, 0, axis).ravel() for side in sides]
        faces.append(flat[:2])
        neighbours.append(flat[2:])
    return np.array(faces, dtype=np.int64), np.array(neighbours, dtype=np.int64)


@numba.njit(cache=True)
def _spans(active):
    """`spans` of a RowLayout."""
    rows = len(active)
    spans = np.empty((rows, 3), dtype=np.int64)
    found = 0
    for row in range(rows):
        first, last = active_part(active[row])
        if first < last:
            spans[found, 0], spans[found, 1], spans[found, 2] = row, first, last
            found += 1
    return spans[:found].copy()


@numba.njit(cache=True)
def active_part(row):
    """The first active cell of a row and one past the last."""
    first, last = 0, len(row)
    while first < last and not row[first]:
        first += 1
    while first < last and not row[last - 1]:
        last -= 1
    return first, last


@numba.njit(cache=True, parallel=True)
def _product(p, q, sums, active, along, across, faces, neighbours, spans):
    """q = A p in the spans; sums[i] = (p, q) of span i."""
    for i in numba.prange(len(spans)):
        row, first, last = spans[i]
        result = q[row, first:last]
        _apply_row(p, row, first, last, active, along, across, faces, neighbours, result)
        sums[i] = _dot(p[row, first + 1 : last + 1], result)


@numba.njit(cache=True, parallel=True)
def _residual(b, p, r, sums, active, along, across, faces, neighbours, spans):
    """r = b - A p in the spans; sums[i] = (r, r) of span i."""
    for i in numba.prange(len(spans)):
        row, first, last = spans[i]
        result = r[row, first:last]
        _apply_row(p, row, first, last, active, along, across, faces, neighbours, result)
        sums[i] = _subtract_from(b[row, first:last], result)


@numba.njit(cache=True)
def _apply_row(p, row, first, last, active, along, across, faces, neighbours, result):
    """result = A p in a part of a row, 0 in inactive cells."""
    _apply_two_axes(
        p[row, first : last + 2],
        along[row, first : last + 1],
        p[neighbours[0, 0, row], first + 1 : last + 1],
        p[neighbours[0, 1, row], first + 1 : last + 1],
        across[0][faces[0, 0, row], first:last],
        across[0][faces[0, 1, row], first:last],
        active[row, first:last],
        result,
    )
    for axis in range(1, len(across)):
        _add_axis(
            p[row, first + 1 : last + 1],
            p[neighbours[axis, 0, row], first + 1 : last + 1],
            p[neighbours[axis, 1, row], first + 1 : last + 1],
            across[axis][faces[axis, 0, row], first:last],
            across[axis][faces[axis, 1, row], first:last],
            active[row, first:last],
            result,
        )


@numba.njit(cache=True, fastmath=_FASTMATH)
def _apply_two_axes(centre, along, below, above, weights_below, weights_above, active, result):
    """Sum over the two faces on the axis of the row and two on another; centre is padded."""
    for k in range(len(result)):
        c = centre[k + 1]
        total = along[k] * (c - centre[k]) + along[k + 1] * (c - centre[k + 2])
        total += weights_below[k] * (c - below[k]) + weights_above[k] * (c - above[k])
        result[k] = total if active[k] else 0.0


@numba.njit(cache=True, fastmath=_FASTMATH)
def _add_axis(centre, below, above, weights_below, weights_above, active, result):
    """Add the two faces on a further axis."""
    for k in range(len(result)):
        c = centre[k]
        total = weights_below[k] * (c - below[k]) + weights_above[k] * (c - above[k])
        result[k] += total if active[k] else 0.0


@numba.njit(cache=True, fastmath=_FASTMATH)
def _dot(a, b):
    total = 0.0
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


@numba.njit(cache=True, fastmath=_FASTMATH)
def _subtract_from(b, r):
    """r = b - r; returns (r, r)."""
    total = 0.0
    for k in range(len(r)):
        value = b[k] - r[k]
        r[k] = value
        total += value * value
    return total


@numba.njit(cache=True, parallel=True)
def advance(x, r, p, q, inverse, alpha, spans, sums):
    """x += alpha p and r -= alpha q in the spans; sums[:, i] = (r, z) and (r, r) of span i.

    z = inverse r. x and p are padded, the others are not.
    """
    for i in numba.prange(len(spans)):
        row, first, last = spans[i]
        _add_multiple(x[row, first + 1 : last + 1], alpha, p[row, first + 1 : last + 1])
        residual = r[row, first:last]
        _add_multiple(residual, -alpha, q[row, first:last])
        sums[0, i], sums[1, i] = _dots(residual, inverse[row, first:last])


@numba.njit(cache=True, parallel=True)
def turn(p, r, inverse, beta, spans):
    """p = z + beta p in the spans, with z = inverse r. p is padded, the others are not."""
    for i in numba.prange(len(spans)):
        row, first, last = spans[i]
        _turn_row(p[row, first + 1 : last + 1], r[row, first:last], inverse[row, first:last], beta)


@numba.njit(cache=True, fastmath=_FASTMATH)
def _add_multiple(a, factor, b):
    for k in range(len(a)):
        a[k] += factor * b[k]


@numba.njit(cache=True, fastmath=_FASTMATH)
def _dots(r, inverse):
    rz, rr = 0.0, 0.0
    for k in range(len(r)):
        square = r[k] * r[k]
        rz += inverse[k] * square
        rr += square
    return rz, rr


@numba.njit(cache=True, fastmath=_FASTMATH)
def _turn_row(p, r, inverse, beta):
    for k in range(len(p)):
        p[k] = inverse[k] * r[k] + beta * p[k]
