"""The coarsest of divided levels, which is solved exactly: its matrix and factors, CPU kernels."""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.multigrid.cells import held_of, split_code, weight_below
from solvers.multigrid.elimination import eliminate
from solvers.multigrid.kernels import NX, NY, NZ, PLANE, SIZE, place, stencil
from solvers.multigrid.setup import HELD

# A level is solved exactly when the unknowns at which its passages meet are at most this part of
# those of the finest level, or so few, and not more than so many in 2D and 3D.
_PART, _FEW, _MANY = 1 / 4, 64, {2: 8000, 3: 1500}
# Unknowns that may all neighbour each other.
MOST_DENSE = 1000

Arrays = tuple[np.ndarray, ...]
Three = tuple[np.ndarray, np.ndarray, np.ndarray]


def is_small(cells: Three, links: np.ndarray, extra: int, finest: int) -> bool:
    """Whether elimination on a level is cheap beside a sweep over the finest one.

    Unknowns with one or two neighbours cost next to nothing: what is left of a graph without them
    has at most twice as many unknowns as loops.

    cells: row of the table, inverse and couplings of the level. links: ends of the couplings of its
    extra unknowns. extra: number of these. finest: those of the finest level.
    """
    unknowns, couplings = count_links(*cells)
    unknowns += extra
    couplings += int((links >= 0).sum()) + int((links < 0).sum()) // 2
    crossings = min(unknowns, 2 * max(couplings - unknowns + 1, 0))
    most = _MANY[2 if cells[0][NY] == 1 else 3]
    return crossings <= min(max(finest * _PART, _FEW), most)


def exact(cells: Three, extra: Arrays, moments: np.ndarray, factor: np.float32) -> Arrays:
    """Codes of the unknowns in the order of elimination, and the factors in this order.

    extra: arrays of `pieces.Layer`. moments: of the cells, empty on the finest level. factor: of
    the weights towards p = 0. Returns codes, ptr, columns and values of L, the inverse of D, and
    room for a solution; empty where elimination is too dear.
    """
    codes, held, *links = assemble(*cells, extra, moments, factor)
    order, ptr, column, values, inverse = eliminate(held, links[0], links[1], links[2], MOST_DENSE)
    if len(order) == 0:
        return nothing()
    place_of = np.empty(len(order), dtype=np.int32)
    place_of[order] = np.arange(len(order), dtype=np.int32)
    return codes[order], ptr, place_of[column], values, inverse[order], np.empty(len(order))


def nothing() -> Arrays:
    """In place of `exact`, where the coarsest level is not solved so."""
    codes, ptr, column = (np.zeros(n, dtype=t) for n, t in ((0, "i8"), (1, "i8"), (0, "i4")))
    return codes, ptr, column, np.zeros(0), np.zeros(0), np.zeros(0)


@numba.njit(cache=True)
def count_links(level, inverse, lower):
    """Number of cells that have a diagonal, and of couplings between them."""
    cells, links = 0, 0
    for colour in range(2):
        (p0, _), (r0, _), (c0, _), middle, uniform = stencil(level, colour)
        own, other, planar = inverse[colour], inverse[1 - colour], middle == 0
        for entry in range(level[PLANE] // 2 + 1, level[SIZE]):
            h = np.uint64(entry)
            known = own[h] > 0
            cells += known
            if uniform:
                found = np.int64(other[h - p0] > 0) + np.int64(other[h - c0] > 0)
                found += 0 if planar else np.int64(other[h - r0] > 0)
            else:
                w = lower[colour]
                found = np.int64(w[0, h] > 0) + np.int64(w[1, h] > 0) + np.int64(w[2, h] > 0)
            links += found if known else 0
    return cells, links


@numba.njit(cache=True)
def _below(level, lower, number, code, axis):
    """Number of the lower neighbour of a cell, -1 if there is none, and the weight towards it."""
    colour, entry = split_code(level, code)
    planes, rows, cells, middle, _ = stencil(level, colour)
    if axis == 1 and middle == 0:
        return np.int32(-1), np.float32(0.0)
    step = planes[0] if axis == 0 else rows[0] if axis == 1 else cells[0]
    other = number[(1 - colour) * level[SIZE] + entry - np.int64(step)]
    return other, weight_below(level, lower, code, axis)


@numba.njit(cache=True)
def assemble(level, inverse, lower, extra, moments, factor):
    """The unknowns of a level and its matrix.

    extra: arrays of `pieces.Layer`. moments: those of the cells, empty on the finest level.
    factor: of the weights towards p = 0.

    Returns the codes of the unknowns, their weights towards p = 0 (float64), and the couplings of
    each: ptr, number of the neighbour, weight (float64).
    """
    _, of_extra, links_ptr, links_code, links_weight, extra_inverse = extra
    size = level[SIZE]
    number = np.full(2 * size, -1, dtype=np.int32)
    number_of_extra = np.full(len(extra_inverse), -1, dtype=np.int32)
    codes = np.empty(2 * size + len(extra_inverse), dtype=np.int64)
    held = np.zeros(len(codes))
    count = 0
    for i in range(level[NX]):
        for j in range(level[NY]):
            for k in range(level[NZ]):
                colour, h = place(level, i, j, k)
                if inverse[colour, h] > 0:
                    code = colour * size + h
                    number[code], codes[count] = count, code
                    if moments.size:
                        held[count] = factor * moments[i, j, k, HELD]
                    else:
                        held[count] = held_of(level, inverse, lower, code)
                    count += 1
    cells = count
    for e in range(len(extra_inverse)):
        if extra_inverse[e] > 0:
            number_of_extra[e], codes[count] = count, -1 - e
            held[count] = factor * of_extra[e, HELD]
            count += 1
    room = 3 * count + len(links_code)
    one, two = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
    values = np.empty(room)
    found = 0
    for mine in range(cells):
        for axis in range(3):
            other, weight = _below(level, lower, number, codes[mine], axis)
            if other >= 0 and weight > 0:
                one[found], two[found], values[found] = mine, other, weight
                found += 1
    for e in range(len(extra_inverse)):
        if number_of_extra[e] < 0:
            continue
        for link in range(links_ptr[e], links_ptr[e + 1]):
            code = links_code[link]
            if code < 0 and -1 - code < e:
                continue  # seen from the other one
            other = number[code] if code >= 0 else number_of_extra[-1 - code]
            if other >= 0:
                one[found], two[found] = number_of_extra[e], other
                values[found] = links_weight[link]
                found += 1
    ptr = np.zeros(count + 1, dtype=np.int64)
    for n in range(found):
        ptr[one[n] + 1] += 1
        ptr[two[n] + 1] += 1
    for n in range(count):
        ptr[n + 1] += ptr[n]
    filled = ptr[:-1].copy()
    to, weights = np.empty(2 * found, dtype=np.int32), np.empty(2 * found)
    for n in range(found):
        for mine, other in ((one[n], two[n]), (two[n], one[n])):
            to[filled[mine]], weights[filled[mine]] = other, values[n]
            filled[mine] += 1
    return codes[:count].copy(), held[:count].copy(), ptr, to, weights
