"""Couplings between the pieces that `solvers.multigrid.splitting` makes: CPU kernels.

A coupling between coarse unknowns is a series of three resistances: that of the cut between them,
and on each side half of that between the cells at the cut and the others of the aggregate. In the
inside of a fluid this is the sum of weights over the distance of the centroids.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.multigrid.cells import cell_codes, split_code, weight_below
from solvers.multigrid.kernels import SIZE, place
from solvers.multigrid.setup import CENTRE, RAW

# The cells n of a block of which the coupling number e is between _UPPER[e] and _LOWER[e].
_UPPER = np.array([n for n in range(8) for axis in range(3) if n & 4 >> axis])
_LOWER = np.array([n - (4 >> axis) for n in range(8) for axis in range(3) if n & 4 >> axis])


@numba.njit(cache=True)
def _fill_inside(level, lower, codes, inside):
    """The couplings within a block, in the order of _UPPER."""
    edge = 0
    for n in range(8):
        for axis in range(3):
            bit = 4 >> axis
            if n & bit:
                known = codes[n] >= 0 and codes[n - bit] >= 0
                inside[edge] = weight_below(level, lower, codes[n], axis) if known else 0.0
                edge += 1


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
    inside_of = np.zeros((len(blocks) + 1, 12), dtype=np.float32)
    for s in range(len(blocks)):
        cell_codes(level, inverse, blocks[s, 0], blocks[s, 1], blocks[s, 2], codes_of[s])
        _fill_inside(level, lower, codes_of[s], inside_of[s])
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
            low, high = codes_of[sp], codes_of[sq]  # the last row where there is no number
            if sp < 0:
                cell_codes(level, inverse, p[0], p[1], p[2], low)
                _fill_inside(level, lower, low, inside_of[sp])
            elif sq < 0:
                cell_codes(level, inverse, q[0], q[1], q[2], high)
                _fill_inside(level, lower, high, inside_of[sq])
            pairs = 0
            for n in range(8):
                for d in range(3):
                    bit = 4 >> d
                    if not n & bit or (side < 2 and d != axis):
                        continue
                    # n is on the upper side of a block, n - bit on the lower one of the next.
                    a, b = (n, n - bit) if side < 2 else (n - bit, n)
                    if low[a] >= 0 and high[b] >= 0:
                        w = weight_below(level, lower, high[b], d)
                        own = owner[sp, a] if sp >= 0 else np.int32(-1)
                        other = owner[sq, b] if sq >= 0 else np.int32(-1)
                        if w > 0 and (side < 2 or own != other):
                            ends[pairs, 0], ends[pairs, 1] = low[a], high[b]
                            owners[pairs, 0], owners[pairs, 1] = own, other
                            slots[pairs, 0], slots[pairs, 1] = a, b
                            across[pairs] = w
                            pairs += 1
            e = first[sp] if sp >= 0 else np.int32(-1)
            while e >= 0:
                for n in range(ptr[e], ptr[e + 1]):
                    other, slot = _owner_in(code[n], home, q, sq, high, owner, owner_of_extra)
                    own = owner_of_extra[e]
                    once = side < 2 or code[n] >= 0 or -1 - code[n] > e
                    if other >= -1 and (side < 2 or own != other) and once:
                        ends[pairs, 0], ends[pairs, 1] = -1 - e, code[n]
                        owners[pairs, 0], owners[pairs, 1] = own, other
                        slots[pairs, 0], slots[pairs, 1] = -1, slot
                        across[pairs] = weight[n]
                        pairs += 1
                e = after[e]
            e = first[sq] if sq >= 0 and side < 2 else np.int32(-1)
            while e >= 0:
                for n in range(ptr[e], ptr[e + 1]):
                    if code[n] >= 0:
                        own, slot = _owner_in(code[n], home, p, sp, low, owner, owner_of_extra)
                        if own >= -1:
                            ends[pairs, 0], ends[pairs, 1] = code[n], -1 - e
                            owners[pairs, 0], owners[pairs, 1] = own, owner_of_extra[e]
                            slots[pairs, 0], slots[pairs, 1] = slot, -1
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
                a, b = owners[n]
                resistance = np.float32(1.0) / _cut(ends, owners, across, n, pairs)
                for end in range(2):
                    t, codes = (sp, low) if end == 0 else (sq, high)
                    inner = _inner(
                        inside_of[t], extra, codes, t, first, after, owner, owner_of_extra,
                        owners[n, end], ends, owners, slots, n, pairs, end, at_cut[end],
                    )  # fmt: skip
                    if inner > 0:
                        resistance += np.float32(0.5) / inner
                for m in range(pairs):
                    if m != n and owners[m, 0] == a and owners[m, 1] == b:
                        across[m] = np.float32(0.0)
                value = np.float32(1.0) / resistance
                if a == -1 and b == -1:
                    apart = spacing + coarse[q[0], q[1], q[2], CENTRE + axis]
                    apart -= coarse[p[0], p[1], p[2], CENTRE + axis]
                    apart = max(apart, np.float32(1.0))
                    coarse[q[0], q[1], q[2], RAW + axis] = value * apart
                else:
                    one[found] = _coarse_code(coarse_level, p, a)
                    two[found] = _coarse_code(coarse_level, q, b)
                    values[found] = value
                    found += 1
    return one[:found].copy(), two[:found].copy(), values[:found].copy()


@numba.njit(cache=True)
def _coarse_code(level, block, owner):
    if owner >= 0:
        return np.int64(-1 - owner)
    colour, h = place(level, block[0], block[1], block[2])
    return np.int64(colour * level[SIZE] + h)


@numba.njit(cache=True)
def _owner_in(code, home, block, s, codes, owner, owner_of_extra):
    """Who owns the unknown with a code, if that is in the block, else -2; and which cell it is."""
    if code < 0:
        e = -1 - code
        inside = home[e, 0] >> 1 == block[0] and home[e, 1] >> 1 == block[1]
        found = owner_of_extra[e] if inside and home[e, 2] >> 1 == block[2] else np.int32(-2)
        return found, -1
    for n in range(8):
        if codes[n] == code:
            return owner[s, n] if s >= 0 else np.int32(-1), n
    return np.int32(-2), -1


@numba.njit(cache=True)
def _cut(ends, owners, across, first, pairs):
    """The weight between the owners of the first pair."""
    total = np.float32(0.0)
    for n in range(first, pairs):
        if owners[n, 0] == owners[first, 0] and owners[n, 1] == owners[first, 1]:
            total += across[n]
    return total


@numba.njit(cache=True)
def _inner(
    inside, extra, codes, s, first, after, owner, owner_of_extra, mine, ends, owners, slots, begin,
    pairs, end, at_cut,
):  # fmt: skip
    """The weight between the members of an aggregate that are at a cut and its other members."""
    home, _, ptr, code, weight, _ = extra
    mask = 0
    for n in range(begin, pairs):
        if owners[n, 0] == owners[begin, 0] and owners[n, 1] == owners[begin, 1]:
            if ends[n, end] < 0:
                at_cut[-1 - ends[n, end]] = True
            else:
                mask |= 1 << slots[n, end]
    total = np.float32(0.0)
    for edge in range(12):
        if inside[edge] > 0:
            a, b = _UPPER[edge], _LOWER[edge]
            if (mask >> a & 1) != (mask >> b & 1):
                if s < 0 or (owner[s, a] == mine and owner[s, b] == mine):
                    total += inside[edge]
    e = first[s] if s >= 0 else np.int32(-1)
    while e >= 0:
        if owner_of_extra[e] == mine:
            for link in range(ptr[e], ptr[e + 1]):
                if code[link] >= 0:
                    for n in range(8):
                        if codes[n] == code[link] and owner[s, n] == mine:
                            if (mask >> n & 1 == 1) != at_cut[e]:
                                total += weight[link]
                else:
                    f = -1 - code[link]
                    within = f > e and owner_of_extra[f] == mine
                    for axis in range(3):
                        within = within and home[e, axis] >> 1 == home[f, axis] >> 1
                    if within and at_cut[e] != at_cut[f]:
                        total += weight[link]
        e = after[e]
    for n in range(begin, pairs):
        if ends[n, end] < 0:
            at_cut[-1 - ends[n, end]] = False
    return total


@numba.njit(cache=True)
def collect(count, one, two, values, held, level, inverse):
    """The couplings of each extra unknown: ptr, code, weight, and the inverse diagonals.

    one, two, values: what `link` returned. held: weights towards p = 0 of the extra unknowns. The
    diagonals of coupled cells of the level grow.
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
