"""The fronts of one system: which boxes of the tree must be eliminated, and where they lie.

Nodes without a diagonal (inactive cells) are dropped from every box, and boxes without active cells
are left out. Boxes of the same level and class whose coefficients agree bit by bit, all the way
down the tree, are twins: only the first one is eliminated. In a uniform fluid most small boxes are
twins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.schur.tree import Tree

# Number of parts that boxes are dealt into, and the first box of each. Threads take contiguous
# parts, so this order gives a few boxes to as many threads.
PARTS = 16
FIRST = np.array([0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15])
# Columns of the table of boxes; CHILDREN and LINKS take two, one for each half.
CLASS, BASE, CHILDREN, TWIN, PIVOTS, REMAINING, NODES, LINKS, PANEL, UPDATE, VECTOR = (
    *(0, 1, 2, 4, 5, 6, 7),
    *(8, 10, 11, 12),
)
_COLUMNS = 13
# Columns of the table of classes; MAPS takes two.
ROWS, ENTRIES, ELIMINATED, MAPS = range(4)
_PRIME = np.uint64(1099511628211)


class Tables(NamedTuple):
    """Index arrays for the kernels, int64.

    boxes: (boxes, columns). CLASS, BASE and CHILDREN as in the tree, and for a system:
        TWIN: the box that is eliminated in place of this one, -1 for none.
        VECTOR: where its remaining rows begin among those of all boxes.
        Of boxes that are eliminated (their own twins) also:
        PIVOTS, REMAINING: live rows that are eliminated, and that remain.
        NODES: where they begin in nodes. LINKS: where those of each half begin in links.
        PANEL: where the (pivots + remaining, pivots) rows of the factor begin.
        UPDATE: where the (remaining, remaining) Schur complement begins among those of its level.
    kinds: (classes + 1, columns). ROWS, ENTRIES: where they begin in rows and entries.
        ELIMINATED: pivots, live or not. MAPS: where those of each half begin in maps.
    rows, maps, entries: as in the tree.
    nodes: live rows as nodes relative to the base, pivots first.
    links: the live row in a box of each remaining live row of its halves.
    most_rows: of any box, live or not.
    """

    boxes: np.ndarray
    kinds: np.ndarray
    rows: np.ndarray
    maps: np.ndarray
    entries: np.ndarray
    nodes: np.ndarray
    links: np.ndarray
    most_rows: int


@dataclass(frozen=True, eq=False)
class Fronts:
    """Tables, with the sizes that follow from them.

    order: for each level the boxes to be eliminated.
    panel_size, update_size, vector_size: number of entries in the factor, in the Schur complements
        of the largest level, and in the remaining rows of all boxes.
    """

    tables: Tables
    order: tuple[np.ndarray, ...]
    panel_size: int
    update_size: int
    vector_size: int

    @classmethod
    def of(cls, tree: Tree, coefficients: np.ndarray) -> Fronts:
        """Fronts for float64 coefficients (1 + kinds, nodes), the diagonal first.

        A node is active if its diagonal is not 0.
        """
        bits = coefficients.view(np.uint64)
        boxes, kinds = _symbolic(tree)
        hashes = np.empty(len(boxes), dtype=np.uint64)
        _hash_boxes(bits, boxes, kinds, tree.rows, tree.entries, hashes)
        _find_twins(bits, boxes, kinds, tree.rows, tree.entries, tree.levels, hashes)
        twin, pivots, remaining = (boxes[:, column] for column in (TWIN, PIVOTS, REMAINING))
        rows, squares = pivots + remaining, remaining**2
        is_own = twin == np.arange(len(twin))
        halves = boxes[:, CHILDREN : CHILDREN + 2]
        halves = np.where(halves >= 0, twin[halves], -1)
        links = np.where((halves >= 0) & is_own[:, None], remaining[halves], 0)
        vectors = np.where(twin >= 0, remaining[twin], 0)
        levels = [slice(a, b) for a, b in zip(tree.levels[:-1], tree.levels[1:], strict=True)]
        boxes[:, NODES] = _before(rows)
        boxes[:, LINKS : LINKS + 2] = _before(links.ravel()).reshape(-1, 2)
        boxes[:, PANEL] = _before(rows * pivots)
        boxes[:, UPDATE] = np.concatenate([_before(squares[level]) for level in levels])
        boxes[:, VECTOR] = _before(vectors)
        tables = Tables(
            boxes=boxes,
            kinds=kinds,
            rows=tree.rows,
            maps=tree.maps,
            entries=tree.entries,
            nodes=np.empty(rows.sum(), dtype=np.int64),
            links=np.empty(links.sum(), dtype=np.int64),
            most_rows=int(np.diff(tree.row_starts).max()),
        )
        _fill(bits, tables)
        return cls(
            tables=tables,
            order=tuple(level.start + np.flatnonzero(is_own[level]) for level in levels),
            panel_size=int((rows * pivots).sum()),
            update_size=int(max(squares[level].sum() for level in levels)),
            vector_size=int(vectors.sum()),
        )

    def bytes(self, itemsize: int) -> int:
        """Memory of a factorisation: panels, Schur complements of two levels, vectors."""
        return itemsize * (self.panel_size + 2 * self.update_size + 2 * self.vector_size)


def _symbolic(tree: Tree) -> tuple[np.ndarray, np.ndarray]:
    """The columns of the tables of boxes and classes that the tree alone determines."""
    boxes = np.zeros((len(tree.base), _COLUMNS), dtype=np.int64)
    boxes[:, CLASS], boxes[:, BASE], boxes[:, TWIN] = tree.classes, tree.base, -1
    boxes[:, CHILDREN : CHILDREN + 2] = tree.children
    kinds = np.zeros((len(tree.row_starts), MAPS + 2), dtype=np.int64)
    kinds[:, ROWS], kinds[:, ENTRIES] = tree.row_starts, tree.entry_starts
    kinds[:-1, ELIMINATED], kinds[:-1, MAPS : MAPS + 2] = tree.pivots, tree.map_starts
    return boxes, kinds


def _before(sizes: np.ndarray) -> np.ndarray:
    """For each entry the sum of the sizes before it."""
    return np.cumsum(sizes, dtype=np.int64) - sizes


@numba.njit(cache=True, parallel=True)
def _hash_boxes(bits, boxes, kinds, rows, entries, hashes):
    """Hash what each box itself, without its halves, enters into its front."""
    for box in numba.prange(len(boxes)):
        kind, first = boxes[box, CLASS], boxes[box, BASE]
        value = np.uint64(kind + 1)
        for e in range(kinds[kind, ENTRIES], kinds[kind + 1, ENTRIES]):
            value = (value ^ bits[entries[e, 2], first + entries[e, 3]]) * _PRIME
            value ^= value >> np.uint64(29)
        for r in range(kinds[kind, ROWS] + kinds[kind, ELIMINATED], kinds[kind + 1, ROWS]):
            value = (value ^ np.uint64(bits[0, first + rows[r]] != 0)) * _PRIME
        hashes[box] = value


@numba.njit(cache=True)
def _find_twins(bits, boxes, kinds, rows, entries, levels, hashes):
    """Set TWIN, PIVOTS and REMAINING, with a hash table of the boxes seen so far."""
    slots = 16
    while slots < 2 * len(boxes):
        slots *= 2
    table = np.full(slots, -1, dtype=np.int64)
    level = 0
    for box in range(len(boxes)):
        if box == levels[level + 1]:
            level += 1
        kind, first = boxes[box, CLASS], boxes[box, BASE]
        lower, upper = _twins_of_halves(boxes, box)
        middle = kinds[kind, ROWS] + kinds[kind, ELIMINATED]
        inside = 0
        for r in range(kinds[kind, ROWS], middle):
            inside += bits[0, first + rows[r]] != 0
        if inside == 0 and lower < 0 and upper < 0:
            continue
        value = (hashes[box] ^ np.uint64(lower + 1)) * _PRIME
        value = (value ^ np.uint64(upper + 1)) * _PRIME
        value ^= value >> np.uint64(31)
        hashes[box] = value
        slot = np.int64(value & np.uint64(slots - 1))
        while table[slot] >= 0:
            other = table[slot]
            if hashes[other] == value and boxes[other, CLASS] == kind and other >= levels[level]:
                if _twins_of_halves(boxes, other) == (lower, upper):
                    if _is_equal(bits, boxes, kinds, rows, entries, box, other):
                        boxes[box, TWIN] = other
                        break
            slot = (slot + 1) & (slots - 1)
        if boxes[box, TWIN] < 0:
            table[slot] = box
            boxes[box, TWIN], boxes[box, PIVOTS] = box, inside
            for r in range(middle, kinds[kind + 1, ROWS]):
                boxes[box, REMAINING] += bits[0, first + rows[r]] != 0


@numba.njit(cache=True)
def _twins_of_halves(boxes, box):
    lower, upper = boxes[box, CHILDREN], boxes[box, CHILDREN + 1]
    return (
        boxes[lower, TWIN] if lower >= 0 else -1,
        boxes[upper, TWIN] if upper >= 0 else -1,
    )


@numba.njit(cache=True)
def _is_equal(bits, boxes, kinds, rows, entries, box, other):
    """Whether two boxes of a class enter the same coefficients into their fronts."""
    kind, first, second = boxes[box, CLASS], boxes[box, BASE], boxes[other, BASE]
    for e in range(kinds[kind, ENTRIES], kinds[kind + 1, ENTRIES]):
        coefficient, node = entries[e, 2], entries[e, 3]
        if bits[coefficient, first + node] != bits[coefficient, second + node]:
            return False
    for r in range(kinds[kind, ROWS], kinds[kind + 1, ROWS]):
        if (bits[0, first + rows[r]] != 0) != (bits[0, second + rows[r]] != 0):
            return False
    return True


@numba.njit(cache=True)
def place_rows(bits, box, tables, place):
    """place[row] = number of a row of the box among the live ones, -1 for the others."""
    kind, first = tables.boxes[box, CLASS], tables.boxes[box, BASE]
    begin, found = tables.kinds[kind, ROWS], 0
    for row in range(tables.kinds[kind + 1, ROWS] - begin):
        if bits[0, first + tables.rows[begin + row]] != 0:
            place[row] = found
            found += 1
        else:
            place[row] = -1


@numba.njit(cache=True, parallel=True)
def _fill(bits, tables):
    """nodes and links of the tables."""
    for part in numba.prange(PARTS):
        _fill_part(np.int64(part), bits, tables)


@numba.njit(cache=True)
def _fill_part(part, bits, tables):
    place = np.empty(tables.most_rows, dtype=np.int64)
    boxes, kinds = tables.boxes, tables.kinds
    for box in range(FIRST[part], len(boxes), PARTS):
        if boxes[box, TWIN] != box:
            continue
        place_rows(bits, box, tables, place)
        kind = boxes[box, CLASS]
        begin = kinds[kind, ROWS]
        for row in range(kinds[kind + 1, ROWS] - begin):
            if place[row] >= 0:
                tables.nodes[boxes[box, NODES] + place[row]] = tables.rows[begin + row]
        for side in range(2):
            child = boxes[box, CHILDREN + side]
            if child < 0 or boxes[child, TWIN] < 0:
                continue
            other, first = boxes[child, CLASS], boxes[child, BASE]
            begin = kinds[other, ROWS] + kinds[other, ELIMINATED]
            link, mapped = boxes[box, LINKS + side], kinds[kind, MAPS + side]
            for row in range(kinds[other + 1, ROWS] - begin):
                if bits[0, first + tables.rows[begin + row]] != 0:
                    tables.links[link] = place[tables.maps[mapped + row]]
                    link += 1
