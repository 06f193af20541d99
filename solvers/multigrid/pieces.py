"""Unknowns beside the packed levels: pieces of aggregates that walls part.

`splitting` and `linking` make them, level by level; `beside` works on them in the V-cycle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.multigrid.beside import NO_PARENT
from solvers.multigrid.cells import cell_codes, split_code
from solvers.multigrid.kernels import SIZE, place
from solvers.multigrid.linking import link
from solvers.multigrid.setup import HELD, MOMENTS
from solvers.multigrid.splitting import find_parted, number_blocks, split

Arrays = tuple[np.ndarray, ...]
Three = tuple[np.ndarray, np.ndarray, np.ndarray]


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
        """The extra unknowns of the coarser level, once that is packed; see `_collect`.

        factor: of the weights towards p = 0.
        """
        held = factor * self.moments[:, HELD]
        return Layer(
            self.home, self.moments, *_collect(len(held), *self.links, held, level, inverse)
        )


def find(cells: Three, layer: Layer, coarse: np.ndarray, factor: np.float32) -> np.ndarray | None:
    """Marks of the blocks of a level that may have to be divided, None if there is nothing to do.

    cells: row of the table, inverse and couplings of the level. layer: its extra unknowns. coarse,
    factor: see `splitting.find_parted`.
    """
    marks = np.empty(coarse.shape[:3], dtype=np.uint8)
    found = find_parted(*cells, coarse, factor, marks)
    return marks if found or len(layer.home) else None


def divide(
    cells: Three,
    fine: np.ndarray,
    spacing: float,
    layer: Layer,
    marks: np.ndarray,
    coarse_level: np.ndarray,
    coarse: np.ndarray,
) -> Division:
    """Divide marked blocks of a level and put what changes into `coarse`.

    cells: row of the table, inverse and couplings of the finer level. fine: its moments, empty for
    the finest one. spacing: cells of the finest level along one of its cells. layer: its extra
    unknowns. marks: of `find`. coarse: moments of the coarser level.
    """
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
def _collect(count, one, two, values, held, level, inverse):
    """The couplings of each extra unknown: ptr, code, weight, and the inverse diagonals.

    one, two, values: what `linking.link` returned. held: weights towards p = 0 of the extra
    unknowns. The diagonals of coupled cells of the level grow.
    """
    ptr = np.zeros(count + 1, dtype=np.int64)
    for n in range(len(one)):
        for end in (one[n], two[n]):
            if end < 0:
                ptr[-end] += 1
    for e in range(count):
        ptr[e + 1] += ptr[e]
    filled = ptr[:-1].copy()
    code, weight = np.empty(ptr[-1], dtype=np.int64), np.empty(ptr[-1], dtype=np.float32)
    diagonal = held.copy()
    for n in range(len(one)):
        for end, other in ((one[n], two[n]), (two[n], one[n])):
            if end < 0:
                e = -1 - end
                code[filled[e]], weight[filled[e]] = other, values[n]
                filled[e] += 1
                diagonal[e] += values[n]
            else:
                colour, h = split_code(level, end)
                before = inverse[colour, h]
                inverse[colour, h] = before / (np.float32(1.0) + values[n] * before)
                if before == 0:
                    inverse[colour, h] = np.float32(1.0) / values[n]
    own = np.zeros(count, dtype=np.float32)
    for e in range(count):
        if diagonal[e] > 0:
            own[e] = np.float32(1.0) / diagonal[e]
    return ptr, code, weight, own


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
            if 0 <= codes[n] < level[SIZE] and owner[s, n] >= 0:
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


def joined(layers: list[Layer], divisions: list[Division | None], solved: Arrays) -> Arrays:
    """The extra unknowns of all levels as `beside` wants them.

    x, b, inverse; ptr, code, weight; parent; where each level begins; strays, where those of each
    level begin; what `coarsest.exact` returns.
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
        np.cumsum([0, *(len(each) for each in strays)]), *solved,
    )  # fmt: skip
