"""Forward and backward substitution with the panels of a Cholesky factor: CPU kernels."""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.schur.fronts import (
    BASE,
    CHILDREN,
    FIRST,
    LINKS,
    NODES,
    PANEL,
    PARTS,
    PIVOTS,
    REMAINING,
    TWIN,
    VECTOR,
)

# Sums may be reordered (SIMD lanes), but NaN and Inf keep their meaning.
_FASTMATH = {"reassoc", "contract", "nsz"}


@numba.njit(cache=True, parallel=True)
def substitute(tables, order, starts, panels, vectors, v):
    """Replace the right-hand side v (nodes,) by the solution.

    order, starts: boxes with twins, level by level, and where the levels begin. vectors: workspace
    for what boxes pass to their parents.
    """
    levels = len(starts) - 1
    for level in range(levels):
        boxes = order[starts[level] : starts[level + 1]]
        for part in numba.prange(PARTS):
            _forward_part(np.int64(part), boxes, tables, panels, vectors, v)
    for level in range(levels - 1, -1, -1):
        boxes = order[starts[level] : starts[level + 1]]
        for part in numba.prange(PARTS):
            _backward_part(np.int64(part), boxes, tables, panels, v)


@numba.njit(cache=True)
def _forward_part(part, boxes, tables, panels, vectors, v):
    x = np.empty(tables.most_rows, dtype=v.dtype)
    for index in range(FIRST[part], len(boxes), PARTS):
        _forward(boxes[index], tables, panels, vectors, v, x)


@numba.njit(cache=True)
def _backward_part(part, boxes, tables, panels, v):
    x = np.empty(tables.most_rows, dtype=v.dtype)
    for index in range(FIRST[part], len(boxes), PARTS):
        _backward(boxes[index], tables, panels, v, x)


@numba.njit(cache=True)
def _forward(box, tables, panels, vectors, v, x):
    twin, first = tables.boxes[box, TWIN], tables.boxes[box, BASE]
    ns, nr, at = (
        tables.boxes[twin, PIVOTS],
        tables.boxes[twin, REMAINING],
        tables.boxes[twin, PANEL],
    )
    start = tables.boxes[twin, NODES]
    for i in range(ns):
        x[i] = v[first + tables.nodes[start + i]]
    x[ns : ns + nr] = 0
    for side in range(2):
        child = tables.boxes[box, CHILDREN + side]
        if child >= 0 and tables.boxes[child, TWIN] >= 0:
            link, source = tables.boxes[twin, LINKS + side], tables.boxes[child, VECTOR]
            for i in range(tables.boxes[tables.boxes[child, TWIN], REMAINING]):
                x[tables.links[link + i]] += vectors[source + i]
    _substitute_forward(panels[at : at + (ns + nr) * ns], ns, ns + nr, x)
    for i in range(ns):
        v[first + tables.nodes[start + i]] = x[i]
    to = tables.boxes[box, VECTOR]
    for i in range(nr):
        vectors[to + i] = x[ns + i]


@numba.njit(cache=True)
def _backward(box, tables, panels, v, x):
    twin, first = tables.boxes[box, TWIN], tables.boxes[box, BASE]
    ns, nr, at = (
        tables.boxes[twin, PIVOTS],
        tables.boxes[twin, REMAINING],
        tables.boxes[twin, PANEL],
    )
    start = tables.boxes[twin, NODES]
    for i in range(ns + nr):
        x[i] = v[first + tables.nodes[start + i]]
    _substitute_backward(panels[at : at + (ns + nr) * ns], ns, ns + nr, x)
    for i in range(ns):
        v[first + tables.nodes[start + i]] = x[i]


@numba.njit(cache=True, fastmath=_FASTMATH)
def _substitute_forward(panel, ns, n, x):
    for i in range(n):
        row = panel[i * ns : (i + 1) * ns]
        total = x[i]
        for j in range(min(i, ns)):
            total -= row[j] * x[j]
        x[i] = total / row[i] if i < ns else total


@numba.njit(cache=True, fastmath=_FASTMATH)
def _substitute_backward(panel, ns, n, x):
    for i in range(n - 1, -1, -1):
        row = panel[i * ns : (i + 1) * ns]
        if i < ns:
            x[i] /= row[i]
        value = x[i]
        for j in range(min(i, ns)):
            x[j] -= row[j] * value
