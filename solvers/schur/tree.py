"""The symbolic tree: how the boxes of a node grid are split, and where their rows go.

Cell i of an axis is node i + 1, so the grid has a ring of dead nodes around it and coefficients
alone express every boundary condition. The node grid is cut into boxes of `patch` steps per axis;
neighbouring boxes share the nodes of their common face. Boxes are halved along their longest axis
until one patch is left (nested dissection). A box eliminates its pivots, the nodes that no other
box touches any more: for a patch all inner nodes, otherwise the inner nodes of the face between
its halves. The live nodes of its border remain, and the rest of the grid sees a box only through
the Schur complement on them. Dead nodes never enter. Nodes on the corners of a box (2D), or on its
corners and edges (3D), are not neighbours of inner nodes in a 5- or 7-point stencil and are left
out as well.

Source: "Schwarz-Schur Involution: Lightspeed Differentiable Sparse Linear Solvers", ICML 2025,
extended to any number of dimensions and of patches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

import numpy as np


@dataclass(frozen=True, eq=False)
class Tree:
    """Index arrays of a grid shape, all int64. Boxes are numbered from the deepest level up.

    Boxes of the same size that touch the same sides of the grid form a class and have the same rows
    relative to their first node.

    shape, nodes: cells and nodes along each axis.
    levels: (levels + 1,) first box of each level. The last box is the root.
    classes, base: (boxes,) class and first node. children: (boxes, 2), -1 for none.
    pivots: (classes,) number of rows that are eliminated.
    row_starts: (classes + 1,) into rows: nodes relative to the base, pivots first.
    map_starts: (classes, 2) into maps: the row in a box of each remaining row of its child.
    entry_starts: (classes + 1,) into entries: (entries, 4) row, column, kind (0 is the diagonal)
        and relative node of the coefficients that enter with the pivots; for symmetric systems the
        lower triangle only.
    """

    shape: tuple[int, ...]
    nodes: tuple[int, ...]
    levels: np.ndarray
    classes: np.ndarray
    base: np.ndarray
    children: np.ndarray
    pivots: np.ndarray
    row_starts: np.ndarray
    rows: np.ndarray
    map_starts: np.ndarray
    maps: np.ndarray
    entry_starts: np.ndarray
    entries: np.ndarray

    @property
    def cells(self) -> tuple[slice, ...]:
        """The cells in an array of the nodes."""
        return tuple(slice(1, n + 1) for n in self.shape)

    @cached_property
    def sizes(self) -> tuple[np.ndarray, np.ndarray]:
        """Number of rows to eliminate and of rows that remain, for every box."""
        rows = np.diff(self.row_starts)
        return self.pivots[self.classes], (rows - self.pivots)[self.classes]

    @cached_property
    def flops(self) -> float:
        """Operations of a Cholesky factorisation if all cells are active.

        It is the sum of (rows left)^2 over all pivots.
        """
        pivots, remaining = (count.astype(float) for count in self.sizes)
        rows = pivots + remaining
        return float((_squares(rows) - _squares(remaining)).sum())


def _squares(n: np.ndarray) -> np.ndarray:
    """The sum of k^2 for k = 1..n."""
    return n * (n + 1) * (2 * n + 1) / 6


def faces(dim: int) -> tuple[tuple[int, ...], ...]:
    """Offsets of the upper neighbours: the kinds of a symmetric 5- or 7-point stencil."""
    return tuple(tuple(int(d == axis) for d in range(dim)) for axis in range(dim))


@lru_cache(maxsize=8)
def build(
    shape: tuple[int, ...],
    patch: int,
    kinds: tuple[tuple[int, ...], ...],
    symmetric: bool = True,
) -> Tree:
    """The tree of a grid.

    patch: steps along each side of the smallest boxes.
    kinds: offsets of the neighbours in the coefficients, after the diagonal. With diagonal
        neighbours among them, the corners of boxes belong to their borders.
    symmetric: whether to enter one triangle only; kinds are then the upper neighbours.
    """
    patches = np.array([-(-(n + 1) // patch) for n in shape])
    nodes = patches * patch + 1
    strides = np.append(np.cumprod(nodes[:0:-1])[::-1], 1).astype(np.int64)
    levels, first, size, children = _split(patches)
    touches = np.stack([first == 0, first + size == patches], axis=2)
    keys, classes = np.unique(_key(size, touches, patches), return_inverse=True)
    number = {int(key): index for index, key in enumerate(keys)}
    builder = _Classes(np.array(shape), patch, patches, strides, np.array(kinds), symmetric)
    _, samples = np.unique(classes, return_index=True)
    rows = [builder.rows(size[sample], touches[sample]) for sample in samples]
    maps, entries = [], []
    for index, sample in enumerate(samples):
        own = np.concatenate(rows[index])
        for half in builder.halves(size[sample], touches[sample]):
            key = int(_key(half.size[None], half.touches[None], patches)[0])
            maps.append(_find(own, rows[number[key]][1] + half.shift))
        if len(maps) < 2 * (index + 1):
            maps += [np.zeros(0, dtype=np.int64)] * 2
        entries.append(builder.entries(*rows[index]))
    return Tree(
        shape=shape,
        nodes=tuple(nodes.tolist()),
        levels=levels,
        classes=classes.astype(np.int64),
        base=(first * patch) @ strides,
        children=children,
        pivots=np.array([len(eliminated) for eliminated, _ in rows]),
        row_starts=_starts([len(a) + len(b) for a, b in rows]),
        rows=np.concatenate([part for pair in rows for part in pair]),
        map_starts=_starts([len(m) for m in maps])[:-1].reshape(-1, 2),
        maps=np.concatenate(maps),
        entry_starts=_starts([len(e) for e in entries]),
        entries=np.concatenate(entries),
    )


def _starts(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _split(patches: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Halve the grid down to patches: levels, first patch and size of each box, children."""
    first, size = [np.zeros((1, len(patches)), dtype=np.int64)], [patches[None]]
    below = []
    while True:
        cut = np.flatnonzero(size[-1].max(axis=1) > 1)
        links = np.full((len(size[-1]), 2), -1)
        links[cut] = np.arange(2 * len(cut)).reshape(-1, 2)
        below.append(links)
        if not len(cut):
            break
        axis = size[-1][cut].argmax(axis=1)
        each = np.arange(len(cut))
        lower, upper = size[-1][cut].copy(), size[-1][cut].copy()
        lower[each, axis] //= 2
        upper[each, axis] -= lower[each, axis]
        start = first[-1][cut]
        shifted = start.copy()
        shifted[each, axis] += lower[each, axis]
        size.append(np.stack([lower, upper], axis=1).reshape(-1, len(patches)))
        first.append(np.stack([start, shifted], axis=1).reshape(-1, len(patches)))
    levels = _starts([len(links) for links in reversed(below)])
    for depth, links in enumerate(below[:-1]):
        links[links >= 0] += levels[len(below) - depth - 2]
    starts, sizes, children = (np.concatenate(part[::-1]) for part in (first, size, below))
    return levels, starts, sizes, children


def _key(size: np.ndarray, touches: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """A number for each (size, sides touched); size (boxes, dim), touches (boxes, dim, 2)."""
    key = np.zeros(len(size), dtype=np.int64)
    for axis, n in enumerate(patches):
        digit = 4 * size[:, axis] + 2 * touches[:, axis, 0] + touches[:, axis, 1]
        key = key * 4 * (n + 1) + digit
    return key


def _find(rows: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Position of each node in rows, -1 if it is not there."""
    if not len(rows):
        return np.full(len(nodes), -1, dtype=np.int64)
    order = np.argsort(rows, kind="stable")
    found = order[np.minimum(np.searchsorted(rows, nodes, sorter=order), len(rows) - 1)]
    return np.where(rows[found] == nodes, found, -1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Half:
    """Half of a box. shift: its first node relative to that of the box."""

    size: np.ndarray
    touches: np.ndarray
    shift: int


@dataclass(frozen=True, eq=False)
class _Classes:
    """Computes rows and entries of a class of boxes."""

    shape: np.ndarray
    patch: int
    patches: np.ndarray
    strides: np.ndarray
    kinds: np.ndarray
    symmetric: bool

    def halves(self, size: np.ndarray, touches: np.ndarray) -> list[_Half]:
        """The two halves of a box; none for a patch."""
        axis = int(size.argmax())
        if size[axis] == 1:
            return []
        result = []
        middle = size[axis] // 2
        for side, length in enumerate((middle, size[axis] - middle)):
            own, sides = size.copy(), touches.copy()
            own[axis], sides[axis, 1 - side] = length, False
            result.append(_Half(own, sides, int(side * middle * self.patch * self.strides[axis])))
        return result

    def rows(self, size: np.ndarray, touches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Relative nodes that are eliminated, and those that remain, one side after the other."""
        last = size * self.patch
        live_last = np.where(touches[:, 1], self.shape - (self.patches - size) * self.patch, last)
        closed = [np.arange(int(t), n + 1) for t, n in zip(touches[:, 0], live_last, strict=True)]
        inner = [np.arange(1, min(n, m - 1) + 1) for n, m in zip(live_last, last, strict=True)]
        axis = int(size.argmax())
        separator = list(inner)
        if size[axis] > 1:
            separator[axis] = np.array([size[axis] // 2 * self.patch])
        has_corners = np.abs(self.kinds).sum(axis=1).max() > 1
        border = [np.zeros(0, dtype=np.int64)]
        for axis, side in product(range(len(size)), (0, 1)):
            if not touches[axis, side]:
                face = [*inner[:axis], np.array([side * last[axis]])]
                face += (closed if has_corners else inner)[axis + 1 :]
                border.append(self._flat(face))
        return self._flat(separator), np.concatenate(border)

    def _flat(self, ranges: list[np.ndarray]) -> np.ndarray:
        """The nodes given by their ranges along each axis."""
        total = np.zeros(1, dtype=np.int64)
        for values, stride in zip(ranges, self.strides, strict=True):
            total = (total[:, None] + values * stride).ravel()
        return total

    def entries(self, eliminated: np.ndarray, remaining: np.ndarray) -> np.ndarray:
        """`entries` of a class; for symmetric kinds the lower triangle (row >= column)."""
        rows = np.concatenate([eliminated, remaining])
        own = np.arange(len(eliminated))
        result = [(own, own, 0, eliminated)]
        for kind, step in enumerate((self.kinds @ self.strides).tolist(), start=1):
            if self.symmetric:
                for sign in (1, -1):
                    other = _find(rows, eliminated + sign * step)
                    at = own[other > own]
                    node = eliminated[at] if sign > 0 else eliminated[at] - step
                    result.append((other[at], at, kind, node))
            else:
                other = _find(rows, eliminated + step)
                at = own[other >= 0]
                result.append((at, other[at], kind, eliminated[at]))
                other = _find(rows, eliminated - step)
                at = own[other >= len(own)]
                result.append((other[at], at, kind, rows[other[at]]))
        blocks = [np.stack(np.broadcast_arrays(*part), axis=1) for part in result]
        return np.concatenate(blocks).astype(np.int64)
