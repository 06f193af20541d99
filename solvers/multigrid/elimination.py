"""Sparse elimination for the coarsest of divided levels: a CPU kernel.

Unknowns are eliminated one after the other, those with the fewest neighbours first, so a level
that is a tree of passages costs no more than a sweep. What is left when all neighbour each other is
a dense matrix. Diagonals are formed as sums of weights, without a subtraction (Grassmann, Taksar &
Heyman 1985, Oper. Res. 33), so constants stay in the null space of closed rooms to the last digit.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401

# A weight towards p = 0 below this part of a diagonal is rounding.
_ROUNDING = 1e-5
# Pivots below this have no inverse in float32.
_SMALLEST = 1e-37


@numba.njit(cache=True)
def eliminate(held, ptr, to, weights, most_dense):
    """Factors of a matrix, A = (1 - L) D (1 - L)^T in some order of the unknowns.

    held: weights of the unknowns towards p = 0. ptr, to, weights: couplings of each, as of
    `coarsest.assemble`. most_dense: unknowns of a dense rest of which nothing is returned.

    Returns the order (numbers of the unknowns), ptr, the unknowns and values of the columns of L,
    and the inverse of D; 0 where D has none. A closed room is held at one of its unknowns.
    """
    count = len(held)
    rest = held.copy()
    first, degree = ptr[:-1].copy(), np.diff(ptr)
    room = degree.copy()
    pool, values = np.empty(4 * len(to) + 64, dtype=np.int32), np.empty(4 * len(to) + 64)
    pool[: len(to)], values[: len(to)] = to, weights
    used = len(to)
    diagonal = held.copy()  # as it was, to hold rooms
    for v in range(count):
        for n in range(ptr[v], ptr[v + 1]):
            diagonal[v] += weights[n]
    # Unknowns of each degree, in doubly linked lists.
    head = np.full(count + 1, -1, dtype=np.int32)
    after, before = np.full(count, -1, dtype=np.int32), np.full(count, -1, dtype=np.int32)
    for v in range(count - 1, -1, -1):
        _insert(head, after, before, v, degree[v])
    order = np.empty(count, dtype=np.int32)
    column_ptr = np.zeros(count + 1, dtype=np.int64)
    column, factor = np.empty(2 * len(to) + 64, dtype=np.int32), np.empty(2 * len(to) + 64)
    inverse = np.zeros(count)
    place_of = np.full(count, -1, dtype=np.int32)
    least, done, filled = 0, 0, 0
    while done < count:
        while head[least] < 0:
            least += 1
        if least > 8 and 2 * least >= count - done:
            break
        v = head[least]
        _remove(head, after, before, v, degree[v])
        begin, own = first[v], degree[v]
        pivot = rest[v]
        for n in range(own):
            pivot += values[begin + n]
        if own == 0 and pivot <= _ROUNDING * diagonal[v]:
            pivot = diagonal[v]
        if filled + own > len(column):
            column, factor = (
                _grown(column, 2 * len(column) + own),
                _grown(factor, 2 * len(factor) + own),
            )
        inverse[v] = 1.0 / pivot if pivot > _SMALLEST else 0.0
        for n in range(own):
            column[filled + n] = pool[begin + n]
            factor[filled + n] = values[begin + n] * inverse[v]
        for n in range(own):
            u = column[filled + n]
            _remove(head, after, before, u, degree[u])
            rest[u] += rest[v] * factor[filled + n]
            need = degree[u] + own
            if need > room[u]:
                if used + 2 * need > len(pool):
                    size = 2 * len(pool) + 2 * need
                    pool, values = _grown(pool, size), _grown(values, size)
                pool[used : used + degree[u]] = pool[first[u] : first[u] + degree[u]]
                values[used : used + degree[u]] = values[first[u] : first[u] + degree[u]]
                first[u], room[u] = used, 2 * need
                used += 2 * need
            at, m = first[u], 0
            for q in range(degree[u]):  # all but v
                if pool[at + q] != v:
                    pool[at + m], values[at + m] = pool[at + q], values[at + q]
                    place_of[pool[at + m]] = m
                    m += 1
            weight = values[begin + n]
            for q in range(own):
                t = column[filled + q]
                if t == u:
                    continue
                if place_of[t] < 0:
                    place_of[t] = m
                    pool[at + m], values[at + m] = t, 0.0
                    m += 1
                values[at + place_of[t]] += weight * factor[filled + q]
            for q in range(m):
                place_of[pool[at + q]] = -1
            degree[u] = m
            _insert(head, after, before, u, m)
            least = min(least, m)
        filled += own
        order[done] = v
        done += 1
        column_ptr[done] = filled
    left = count - done
    if left > most_dense:
        order, column_ptr, inverse = order[:0], column_ptr[:1], inverse[:0]
    elif left:
        m = 0
        for d in range(least, count + 1):
            v = head[d]
            while v >= 0:
                order[done + m], place_of[v] = v, m
                m += 1
                v = after[v]
        dense = np.zeros((left, left))
        for m in range(left):
            v = order[done + m]
            for n in range(degree[v]):
                dense[m, place_of[pool[first[v] + n]]] = values[first[v] + n]
        need = filled + left * (left - 1) // 2
        if need > len(column):
            column, factor = _grown(column, need), _grown(factor, need)
        for m in range(left):
            v = order[done + m]
            pivot, row = rest[v], dense[m]
            for n in range(m + 1, left):
                pivot += row[n]
            if m == left - 1 and pivot <= _ROUNDING * diagonal[v]:
                pivot = diagonal[v]
            inverse[v] = 1.0 / pivot if pivot > _SMALLEST else 0.0
            for n in range(m + 1, left):
                u, part = order[done + n], row[n] * inverse[v]
                column[filled], factor[filled] = u, part
                filled += 1
                rest[u] += rest[v] * part
                if part > 0:
                    below = dense[n]
                    for q in range(n + 1, left):
                        below[q] += part * row[q]
            column_ptr[done + m + 1] = filled
    return order, column_ptr, column[:filled].copy(), factor[:filled].copy(), inverse


@numba.njit(cache=True)
def _grown(array, size) -> np.ndarray:
    result = np.empty(max(size, len(array)), dtype=array.dtype)
    result[: len(array)] = array
    return result


@numba.njit(cache=True)
def _insert(head, after, before, v, degree):
    before[v], after[v] = -1, head[degree]
    if head[degree] >= 0:
        before[head[degree]] = v
    head[degree] = v


@numba.njit(cache=True)
def _remove(head, after, before, v, degree):
    if before[v] >= 0:
        after[before[v]] = after[v]
    else:
        head[degree] = after[v]
    if after[v] >= 0:
        before[after[v]] = before[v]
