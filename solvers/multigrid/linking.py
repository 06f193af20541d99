"""Couplings between the pieces that `solvers.multigrid.splitting` makes: CPU kernels.

A coupling between coarse unknowns is a series of three resistances: that of the cut between them,
and on each side half of that between the cells at the cut and the others of the aggregate. In the
inside of a fluid this is the sum of weights over the distance of the centroids.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.multigrid.cells import cell_codes, weight_below
from solvers.multigrid.kernels import SIZE, place
from solvers.multigrid.setup import CENTRE, RAW

# In place of a face of a block: within it.
_OWN = np.int8(6)
# The couplings within a block: axis, cell on the upper side, cell on the lower one.
_EDGES = np.array(
    [(axis, n, n - (4 >> axis)) for n in range(8) for axis in range(3) if n & 4 >> axis]
)
# The cells on the upper side of a block along each axis.
_TOP = np.array([[n for n in range(8) if n & 4 >> axis] for axis in range(3)])


@numba.njit(cache=True)
def _fill(level, inverse, lower, i, j, k, codes, inside):
    """The cells of a block, and the coupling of each within it along each axis, (8, 3)."""
    cell_codes(level, inverse, i, j, k, codes)
    for edge in range(12):
        axis, a, b = _EDGES[edge, 0], _EDGES[edge, 1], _EDGES[edge, 2]
        known = codes[a] >= 0 and codes[b] >= 0
        weight = weight_below(level, lower, codes[a], axis) if known else np.float32(0.0)
        inside[a, axis] = inside[b, axis] = weight


@numba.njit(cache=True)
def link(
    level, inverse, lower, extra, number, blocks, first, after, owner, owner_of_extra, coarse_level,
    coarse, spacing,
):  # fmt: skip
    """Couplings of the coarse unknowns in and around the blocks that were divided.

    Those between coarse cells go to `coarse`, so that `setup.pack` finds them there. The others are
    returned: codes of the first unknown, of the second one, and weights. spacing: cells of the
    finest level along a coarse cell. The other arguments are those of `splitting.split` and what
    that returned.
    """
    home, _, ptr, code, weight, _ = extra
    links = len(code)
    room = 48 * len(blocks) + links
    one, two = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    values = np.empty(room, dtype=np.float32)
    found = 0
    # The cut between two blocks: codes of both sides, number of each one's owner, weight.
    ends = np.empty((links + 16, 2), dtype=np.int64)
    owners = np.empty((links + 16, 2), dtype=np.int32)
    across = np.empty(links + 16, dtype=np.float32)
    slots = np.empty((links + 16, 2), dtype=np.int8)  # which cells of the blocks, -1: extra
    codes_of = np.empty((len(blocks) + 1, 8), dtype=np.int64)  # and of one that is not divided
    inside_of = np.zeros((len(blocks) + 1, 8, 3), dtype=np.float32)
    for s in range(len(blocks)):
        i, j, k = np.int64(blocks[s, 0]), np.int64(blocks[s, 1]), np.int64(blocks[s, 2])
        _fill(level, inverse, lower, i, j, k, codes_of[s], inside_of[s])
    faces, cells = _locate(level, home, ptr, code)
    at_cut = np.zeros((2, len(home)), dtype=np.bool_)
    for s in range(len(blocks)):
        i, j, k = np.int64(blocks[s, 0]), np.int64(blocks[s, 1]), np.int64(blocks[s, 2])
        for face in range(7):
            axis, side = face % 3, face // 3
            p, q = (i, j, k), (i, j, k)
            if side == 0:
                p = (i - (axis == 0), j - (axis == 1), k - (axis == 2))
            elif side == 1:
                q = (i + (axis == 0), j + (axis == 1), k + (axis == 2))
            if min(p) < 0 or q[0] >= coarse.shape[0] or q[1] >= coarse.shape[1]:
                continue
            if q[2] >= coarse.shape[2]:
                continue
            sp, sq = number[p], number[q]
            if side == 1 and sq >= 0:
                continue  # as the lower face of that block
            # The last row where there is no number.
            low, high = sp if sp >= 0 else len(blocks), sq if sq >= 0 else len(blocks)
            if sp < 0:
                _fill(level, inverse, lower, p[0], p[1], p[2], codes_of[low], inside_of[low])
            elif sq < 0:
                _fill(level, inverse, lower, q[0], q[1], q[2], codes_of[high], inside_of[high])
            pairs = 0
            for n in range(12 if side == 2 else 4):
                # a is on the upper side of a block, b on the lower one of the next.
                if side == 2:
                    a, b = _EDGES[n, 2], _EDGES[n, 1]
                    w = inside_of[high, a, _EDGES[n, 0]]
                else:
                    a, b = _TOP[axis, n], _TOP[axis, n] - (4 >> axis)
                    if codes_of[low, a] < 0 or codes_of[high, b] < 0:
                        continue
                    w = weight_below(level, lower, codes_of[high, b], axis)
                own = owner[sp, a] if sp >= 0 else np.int32(-1)
                other = owner[sq, b] if sq >= 0 else np.int32(-1)
                if w > 0 and (side < 2 or own != other):
                    ends[pairs, 0], ends[pairs, 1] = codes_of[low, a], codes_of[high, b]
                    owners[pairs, 0], owners[pairs, 1] = own, other
                    slots[pairs, 0], slots[pairs, 1] = a, b
                    across[pairs] = w
                    pairs += 1
            away = _OWN if side == 2 else np.int8(3 + axis)
            e = first[sp] if sp >= 0 else np.int32(-1)
            while e >= 0:
                for n in range(ptr[e], ptr[e + 1]):
                    once = side < 2 or code[n] >= 0 or -1 - code[n] > e
                    if faces[n] == away and once:
                        own = owner_of_extra[e]
                        other = _owner_of(code[n], cells[n], sq, owner, owner_of_extra)
                        if other >= -1 and (side < 2 or own != other):
                            ends[pairs, 0], ends[pairs, 1] = -1 - e, code[n]
                            owners[pairs, 0], owners[pairs, 1] = own, other
                            slots[pairs, 0], slots[pairs, 1] = -1, cells[n]
                            across[pairs] = weight[n]
                            pairs += 1
                e = after[e]
            e = first[sq] if sq >= 0 and side < 2 else np.int32(-1)
            while e >= 0:
                for n in range(ptr[e], ptr[e + 1]):
                    if faces[n] == axis and code[n] >= 0:
                        own = _owner_of(code[n], cells[n], sp, owner, owner_of_extra)
                        ends[pairs, 0], ends[pairs, 1] = code[n], -1 - e
                        owners[pairs, 0], owners[pairs, 1] = own, owner_of_extra[e]
                        slots[pairs, 0], slots[pairs, 1] = cells[n], -1
                        across[pairs] = weight[n]
                        pairs += 1
                e = after[e]
            if side == 2:
                for n in range(pairs):  # in one order
                    if owners[n, 0] > owners[n, 1]:
                        owners[n, 0], owners[n, 1] = owners[n, 1], owners[n, 0]
                        ends[n, 0], ends[n, 1] = ends[n, 1], ends[n, 0]
                        slots[n, 0], slots[n, 1] = slots[n, 1], slots[n, 0]
            else:
                coarse[q[0], q[1], q[2], RAW + axis] = np.float32(0.0)
            for n in range(pairs):
                if across[n] == 0:
                    continue
                one_end, other_end = owners[n, 0], owners[n, 1]
                resistance = np.float32(1.0) / _cut(ends, owners, across, n, pairs)
                for end in range(2):
                    t = sp if end == 0 else sq
                    inner = _inner_cells(inside_of, t, owner, owners, slots, n, pairs, end)
                    if t >= 0 and first[t] >= 0:
                        inner += _inner_extra(
                            extra, faces, cells, t, first, after, owner, owner_of_extra, ends,
                            owners, slots, n, pairs, end, at_cut,
                        )  # fmt: skip
                    if inner > 0:
                        resistance += np.float32(0.5) / inner
                for m in range(pairs):
                    if m != n and owners[m, 0] == one_end and owners[m, 1] == other_end:
                        across[m] = np.float32(0.0)
                value = np.float32(1.0) / resistance
                if one_end == -1 and other_end == -1:
                    apart = spacing + coarse[q[0], q[1], q[2], CENTRE + axis]
                    apart -= coarse[p[0], p[1], p[2], CENTRE + axis]
                    apart = max(apart, np.float32(1.0))
                    coarse[q[0], q[1], q[2], RAW + axis] = value * apart
                else:
                    one[found] = _coarse_code(coarse_level, p, one_end)
                    two[found] = _coarse_code(coarse_level, q, other_end)
                    values[found] = value
                    found += 1
    return one[:found].copy(), two[:found].copy(), values[:found].copy()


@numba.njit(cache=True)
def _coarse_code(level, block, owner):
    if owner >= 0:
        return np.int64(-1) - owner
    colour, h = place(level, block[0], block[1], block[2])
    return np.int64(colour * level[SIZE] + h)


@numba.njit(cache=True)
def _locate(level, home, ptr, code):
    """Where the other ends of the couplings of extra unknowns are.

    Returns for each one the face of the block that it crosses (axis, 3 + axis where it leads
    upwards, or _OWN) and the cell of the block in which it ends, -1 if that is an extra unknown.
    """
    faces, cells = np.full(len(code), _OWN, dtype=np.int8), np.full(len(code), -1, dtype=np.int8)
    for e in range(len(home)):
        i, j, k = np.int64(home[e, 0]), np.int64(home[e, 1]), np.int64(home[e, 2])
        for link in range(ptr[e], ptr[e + 1]):
            a, b, c = i, j, k
            if code[link] < 0:
                f = -1 - code[link]
                a, b, c = np.int64(home[f, 0]), np.int64(home[f, 1]), np.int64(home[f, 2])
            else:
                for step in range(7):
                    a = i + (step == 3) - (step == 0)
                    b = j + (step == 4) - (step == 1)
                    c = k + (step == 5) - (step == 2)
                    colour, h = place(level, a, b, c)
                    if colour * level[SIZE] + h == code[link] and min(a, b, c) >= 0:
                        break
                cells[link] = 4 * (a & 1) + 2 * (b & 1) + (c & 1)
            da, db, dc = (a >> 1) - (i >> 1), (b >> 1) - (j >> 1), (c >> 1) - (k >> 1)
            if da:
                faces[link] = 0 if da < 0 else 3
            elif db:
                faces[link] = 1 if db < 0 else 4
            elif dc:
                faces[link] = 2 if dc < 0 else 5
    return faces, cells


@numba.njit(cache=True)
def _owner_of(code, cell, s, owner, owner_of_extra):
    """Who owns an unknown that is in a block, the cell of it if it is one."""
    if code < 0:
        return owner_of_extra[-1 - code]
    return owner[s, cell] if s >= 0 else np.int32(-1)


@numba.njit(cache=True)
def _cut(ends, owners, across, first, pairs):
    """The weight between the owners of the first pair."""
    total = np.float32(0.0)
    for n in range(first, pairs):
        if owners[n, 0] == owners[first, 0] and owners[n, 1] == owners[first, 1]:
            total += across[n]
    return total


@numba.njit(cache=True)
def _mask(owners, slots, first, pairs, end):
    """The cells of an aggregate that are at the cut between the owners of the first pair."""
    mask = 0
    for n in range(first, pairs):
        if owners[n, 0] == owners[first, 0] and owners[n, 1] == owners[first, 1]:
            if slots[n, end] >= 0:
                mask |= 1 << slots[n, end]
    return mask


@numba.njit(cache=True)
def _inner_cells(inside_of, s, owner, owners, slots, first, pairs, end):
    """The weight between the cells of an aggregate that are at a cut and its other cells."""
    mask = _mask(owners, slots, first, pairs, end)
    mine, total = owners[first, end], np.float32(0.0)
    for a in range(8):
        if mask >> a & 1:
            for axis in range(3):
                b = a ^ (4 >> axis)
                if not mask >> b & 1 and (s < 0 or owner[s, b] == mine):
                    total += inside_of[s, a, axis]
    return total


@numba.njit(cache=True)
def _inner_extra(
    extra, faces, cells, s, first, after, owner, owner_of_extra, ends, owners, slots, begin, pairs,
    end, at_cut,
):  # fmt: skip
    """The same, where one of the two is an extra unknown. at_cut: room, left False."""
    _, _, ptr, code, weight, _ = extra
    mask = _mask(owners, slots, begin, pairs, end)
    mine, total = owners[begin, end], np.float32(0.0)
    for n in range(begin, pairs):
        if owners[n, 0] == owners[begin, 0] and owners[n, 1] == owners[begin, 1]:
            if ends[n, end] < 0:
                at_cut[end, -1 - ends[n, end]] = True
    e = first[s]
    while e >= 0:
        if owner_of_extra[e] == mine:
            for link in range(ptr[e], ptr[e + 1]):
                if faces[link] != _OWN:
                    continue
                if code[link] >= 0:
                    n = cells[link]
                    if owner[s, n] == mine and (mask >> n & 1 == 1) != at_cut[end, e]:
                        total += weight[link]
                else:
                    f = -1 - code[link]
                    if f > e and owner_of_extra[f] == mine and at_cut[end, e] != at_cut[end, f]:
                        total += weight[link]
        e = after[e]
    for n in range(begin, pairs):
        if ends[n, end] < 0:
            at_cut[end, -1 - ends[n, end]] = False
    return total
