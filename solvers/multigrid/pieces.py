"""Unknowns beside the packed levels: pieces of aggregates that walls part.

`splitting` and `linking` make them, level by level; `beside` works on them in the V-cycle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from solvers import kernel_cache  # noqa: F401
from solvers.multigrid.beside import NO_PARENT
from solvers.multigrid.kernels import RED, SIZE, place
from solvers.multigrid.linking import collect, link
from solvers.multigrid.setup import HELD, MOMENTS
from solvers.multigrid.splitting import cell_codes, find_parted, number_blocks, split

Arrays = tuple[np.ndarray, ...]
Three = tuple[np.ndarray, np.ndarray, np.ndarray]
# Extra unknowns of a coarsest level that is solved by a dense inverse.
MOST_DENSE = 400
# Weights towards p = 0 below this part of the diagonals are rounding.
_ROUNDING = 1e-5


@dataclass(frozen=True, eq=False)
class Layer:
    """The extra unknowns of a level.

    home: int32 (n, 3), the cell in which each one is. moments: float32 (n, MOMENTS). ptr (n + 1),
    code, weight: couplings to cells and to others. inverse: inverse diagonal.
    """

    home: np.ndarray
    moments: np.ndarray
    ptr: np.ndarray
    code: np.ndarray
    weight: np.ndarray
    inverse: np.ndarray

    @classmethod
    def empty(cls) -> Layer:
        """Of the finest level."""
        return cls(
            np.zeros((0, 3), dtype=np.int32), np.zeros((0, MOMENTS), dtype=np.float32),
            np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64),
            *np.zeros((2, 0), dtype=np.float32),
        )  # fmt: skip

    @property
    def arrays(self) -> Arrays:
        return self.home, self.moments, self.ptr, self.code, self.weight, self.inverse


@dataclass(frozen=True, eq=False)
class Division:
    """Where the blocks of a level are divided: what the next coarser level needs to know.

    parent: int64, codes of the owners of the extra unknowns. strays: int64 (n, 3), see `beside`.
    home, moments: of the extra unknowns of the coarser level. links: what `linking.link` returns.
    """

    parent: np.ndarray
    strays: np.ndarray
    home: np.ndarray
    moments: np.ndarray
    links: Three

    def layer(self, factor: np.float32, level: np.ndarray, inverse: np.ndarray) -> Layer:
        """The extra unknowns of the coarser level, once that is packed; see `linking.collect`.

        factor: of the weights towards p = 0.
        """
        held = factor * self.moments[:, HELD]
        return Layer(
            self.home, self.moments, *collect(len(held), *self.links, held, level, inverse)
        )


def divide(
    cells: Three,
    fine: np.ndarray,
    spacing: float,
    layer: Layer,
    coarse_level: np.ndarray,
    coarse: np.ndarray,
    factor: np.float32,
) -> Division | None:
    """Divide the blocks of a level that need it and put what changes into `coarse`.

    cells: row of the table, inverse and couplings of the finer level. fine: its moments, empty for
    the finest one. spacing: cells of the finest level along one of its cells. layer: its extra
    unknowns. coarse: moments of the coarser level. factor: see `splitting.find_parted`. None if
    there is nothing to divide.
    """
    marks = np.empty(coarse.shape[:3], dtype=np.uint8)
    found = find_parted(*cells, coarse, factor, marks)
    if found == 0 and len(layer.home) == 0:
        return None
    extra, single = layer.arrays, np.float32(spacing)
    number, blocks, first, after = number_blocks(extra, marks)
    owner, owner_of_extra, home, moments = split(
        *cells, fine, single, extra, blocks, first, after, coarse
    )
    links = link(
        *cells, extra, number, blocks, first, after, owner, owner_of_extra,
        coarse_level, coarse, np.float32(2) * single,
    )  # fmt: skip
    strays = _strays(*cells[:2], blocks, owner, coarse_level)
    parent = _parents(layer.home, owner_of_extra, coarse_level)
    return Division(parent, strays, home, moments, links)


@numba.njit(cache=True)
def _strays(level, inverse, blocks, owner, coarse_level):
    """Red cells that are not of the largest piece of their block: entry, coarse code, owner."""
    result = np.empty((owner.size, 3), dtype=np.int64)
    codes, found = np.empty(8, dtype=np.int64), 0
    for s in range(len(blocks)):
        i, j, k = blocks[s]
        cell_codes(level, inverse, i, j, k, codes)
        colour, h = place(coarse_level, i, j, k)
        for n in range(8):
            if codes[n] >= 0 and codes[n] // level[SIZE] == RED and owner[s, n] >= 0:
                result[found, 0], result[found, 2] = codes[n], owner[s, n]
                result[found, 1] = colour * coarse_level[SIZE] + h
                found += 1
    return result[:found].copy()


@numba.njit(cache=True)
def _parents(home, owner, coarse_level):
    result = np.empty(len(home), dtype=np.int64)
    for e in range(len(home)):
        i, j, k = home[e]
        colour, h = place(coarse_level, i >> 1, j >> 1, k >> 1)
        result[e] = colour * coarse_level[SIZE] + h if owner[e] == -1 else -1 - owner[e]
        if owner[e] < -1:
            result[e] = NO_PARENT
    return result


def coarsest(layer: Layer, level: np.ndarray, inverse: np.ndarray, lower: np.ndarray) -> Arrays:
    """Codes of the unknowns of the coarsest level, int64, and the inverse of its matrix, float32.

    Empty without extra unknowns, with too many of them, and where rounding spoils the inverse.
    """
    count = len(layer.inverse)
    none = np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float32)
    if not 0 < count <= MOST_DENSE:
        return none
    size = int(level[SIZE])
    flat = inverse.reshape(-1)
    cells = np.flatnonzero(flat)
    coupled = -1 - np.flatnonzero(layer.inverse)
    unknowns = np.concatenate([cells, coupled]).astype(np.int64)
    row_of = {int(code): row for row, code in enumerate(unknowns)}
    diagonal = np.concatenate([flat[cells], layer.inverse[-1 - coupled]]).astype(np.float64)
    matrix = np.diag(1.0 / diagonal)
    places = {(i, j, k): place.py_func(level, i, j, k) for i, j, k in np.ndindex(*level[:3])}
    for (i, j, k), (colour, h) in places.items():
        for axis in range(3):
            below = (i - (axis == 0), j - (axis == 1), k - (axis == 2))
            if below in places and lower[colour, axis, h] > 0:
                other, n = places[below]
                row, column = row_of[colour * size + h], row_of[other * size + n]
                matrix[row, column] = matrix[column, row] = -lower[colour, axis, h]
    rows = np.repeat(np.arange(count), np.diff(layer.ptr))
    for e, code, weight in zip(rows.tolist(), layer.code.tolist(), layer.weight, strict=True):
        row, column = row_of[-1 - e], row_of[code]
        matrix[row, column] = matrix[column, row] = -weight
    parts, labels = connected_components(sp.csr_matrix(matrix), directed=False)
    for part in range(parts):
        inside = np.ix_(labels == part, labels == part)
        block = matrix[inside]
        if block.sum() <= _ROUNDING * block.trace():  # constants are in its null space
            matrix[inside] += block.trace() / block.size
    try:
        dense = np.linalg.inv(matrix)
        np.linalg.cholesky(dense + dense.T)
    except np.linalg.LinAlgError:  # weights of very different size
        return none
    return unknowns, ((dense + dense.T) / 2).astype(np.float32)


def joined(layers: list[Layer], divisions: list[Division | None], dense: Arrays) -> Arrays:
    """The extra unknowns of all levels as `beside` wants them.

    x, b, inverse; ptr, code, weight; parent; where each level begins; strays, where those of each
    level begin; what `coarsest` returns.
    """
    counts = [len(layer.inverse) for layer in layers]
    links = np.cumsum([0, *(len(layer.code) for layer in layers)])
    ptr = [layer.ptr[1:] + begin for layer, begin in zip(layers, links, strict=False)]
    none = np.zeros((0, 3), dtype=np.int64)
    strays = [none if each is None else each.strays for each in divisions] + [none]
    parents = [
        np.full(count, NO_PARENT) if each is None else each.parent
        for count, each in zip(counts, [*divisions, None], strict=True)
    ]
    inverse = np.concatenate([layer.inverse for layer in layers])
    return (
        np.zeros(len(inverse), dtype=np.float32), np.zeros(len(inverse), dtype=np.float32), inverse,
        np.concatenate([[0], *ptr]), np.concatenate([layer.code for layer in layers]),
        np.concatenate([layer.weight for layer in layers]), np.concatenate(parents),
        np.cumsum([0, *counts]), np.concatenate(strays),
        np.cumsum([0, *(len(each) for each in strays)]), *dense,
    )  # fmt: skip
