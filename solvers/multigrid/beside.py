"""What a V-cycle does with unknowns beside the packed levels: CPU kernels.

They are pieces of aggregates, see `solvers.multigrid.pieces`. On a level they are relaxed between
the red and the black cells, so black cells stay without a residual. While cells are relaxed, their
b holds what the extra unknowns add to it. extra: the arrays of `pieces.Pieces`. x, b: vectors of
the cells of a level, both colours in one row.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401

# The parent of an unknown that needs no coarse correction.
NO_PARENT = np.iinfo(np.int64).min


@numba.njit(cache=True)
def begin(extra):
    """Start from x = 0."""
    extra[0][:] = np.float32(0.0)


@numba.njit(cache=True)
def is_solved(extra):
    """Whether the coarsest level is solved exactly."""
    return len(extra[10]) > 0


@numba.njit(cache=True)
def solve(extra, index, x, b):
    """Solve the coarsest level by the factors of its matrix, if there are any; say whether so."""
    xs, bs, cuts = extra[0], extra[1], extra[7]
    unknowns, ptr, column, factor, inverse, y = extra[10:]
    first = cuts[index]
    for n in range(len(y)):
        y[n] = b[unknowns[n]] if unknowns[n] >= 0 else bs[first - 1 - unknowns[n]]
    for n in range(len(y)):
        value = y[n]
        for m in range(ptr[n], ptr[n + 1]):
            y[column[m]] += factor[m] * value
        y[n] = value * inverse[n]
    for n in range(len(y) - 1, -1, -1):
        total = y[n]
        for m in range(ptr[n], ptr[n + 1]):
            total += factor[m] * y[column[m]]
        y[n] = total
        if unknowns[n] >= 0:
            x[unknowns[n]] = total
        else:
            xs[first - 1 - unknowns[n]] = total
    return len(y) > 0


@numba.njit(cache=True)
def relax(extra, index, x, b, backwards):
    """Gauss-Seidel over the extra unknowns of a level, in order or in the opposite one."""
    xs, bs, inverse, ptr, code, weight, _, cuts = extra[:8]
    first, last = cuts[index], cuts[index + 1]
    for n in range(last - first):
        e = last - 1 - n if backwards else first + n
        total = _gathered(xs, first, e, ptr, code, weight, x) + bs[e]
        _move(xs, e, inverse[e] * total - xs[e], ptr, code, weight, b)


@numba.njit(cache=True)
def _gathered(xs, first, e, ptr, code, weight, x):
    """The sum of weight times value over the neighbours of an extra unknown."""
    total = np.float32(0.0)
    for link in range(ptr[e], ptr[e + 1]):
        other = code[link]
        total += weight[link] * (x[other] if other >= 0 else xs[first - 1 - other])
    return total


@numba.njit(cache=True)
def _move(xs, e, change, ptr, code, weight, b):
    """Change an extra unknown, and what it adds to the b of cells."""
    xs[e] += change
    for link in range(ptr[e], ptr[e + 1]):
        if code[link] >= 0:
            b[code[link]] += weight[link] * change


@numba.njit(cache=True)
def take_out(extra, index, residual):
    """Hand the residual of red cells to the extra coarse unknowns that own them."""
    bs, cuts, strays, stray_cuts = extra[1], extra[7], extra[8], extra[9]
    first = cuts[index + 1]
    bs[first : cuts[index + 2]] = np.float32(0.0)
    for n in range(stray_cuts[index], stray_cuts[index + 1]):
        h = strays[n, 0]
        bs[first + strays[n, 2]] += residual[h]
        residual[h] = np.float32(0.0)


@numba.njit(cache=True)
def restrict(extra, index, x, coarse_b):
    """Add the residuals of extra unknowns to those of their parents."""
    xs, bs, inverse, ptr, code, weight, parent, cuts = extra[:8]
    first, coarse = cuts[index], cuts[index + 1]
    for e in range(first, coarse):
        if parent[e] == NO_PARENT:
            continue
        total = _gathered(xs, first, e, ptr, code, weight, x) + bs[e] - xs[e] / inverse[e]
        if parent[e] >= 0:
            coarse_b[parent[e]] += total
        else:
            bs[coarse - 1 - parent[e]] += total


@numba.njit(cache=True)
def prolong(extra, index, x, b, coarse_x):
    """Add the corrections of the owners to red cells that strayed and to extra unknowns.

    The former have been given that of the coarse cell around them.
    """
    xs, _, _, ptr, code, weight, parent, cuts, strays, stray_cuts = extra[:10]
    first, coarse = cuts[index], cuts[index + 1]
    for n in range(stray_cuts[index], stray_cuts[index + 1]):
        x[strays[n, 0]] += xs[coarse + strays[n, 2]] - coarse_x[strays[n, 1]]
    for e in range(first, coarse):
        if parent[e] != NO_PARENT:
            up = coarse_x[parent[e]] if parent[e] >= 0 else xs[coarse - 1 - parent[e]]
            _move(xs, e, up, ptr, code, weight, b)
