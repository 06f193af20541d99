"""Aggregates that walls part are split into connected pieces: CPU kernels.

The largest piece of a block of 2 x 2 (x 2) cells is the coarse cell of the regular level, the
others are extra unknowns beside the grid. An unknown of a level has a code: its place in
`kernels.values` (colour * entries + entry), or -1 - number for an extra one. extra: those of a
level, the arrays of `pieces.Layer`. Pieces are joined in pairs while the couplings between them are
a fair part of all that one has (Notay 2010, Electron. Trans. Numer. Anal. 37).
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.multigrid.cells import cell_codes, held_of, split_code, weight_below
from solvers.multigrid.kernels import LEAD, NX, NY, NZ, PARTS, PLANE, ROW, UNIFORM
from solvers.multigrid.setup import CENTRE, HELD, MASS, MOMENTS

JOINED = 0.8  # least couplings of two joined pieces, relative to the mean of those of a cell
# A coupling below this part of the largest in its block counts as none when blocks are chosen.
_WEAK = 0.1
# Couplings inside a block of so many cells that is surely connected; a full block needs all.
_ENOUGH = np.array([0, 0, 1, 2, 3, 5, 6, 9, 12])
_MOST = 300  # pieces of a block; of more none are joined


@numba.njit(cache=True, parallel=True)
def find_parted(level, inverse, lower, coarse, factor, marks):
    """marks = 1 for blocks whose cells may not all be connected well, else 0.

    coarse: moments of the blocks. factor: of their weights towards p = 0; where these are large no
    coarse correction is needed. Returns the number of marked blocks.
    """
    cells = 4 if level[NY] == 1 else 8
    cx, cy, cz = marks.shape
    found = np.zeros(PARTS, dtype=np.int64)
    for part in numba.prange(PARTS):
        for row in range(cx * cy * part // PARTS, cx * cy * (part + 1) // PARTS):
            i, j = row // cy, row % cy
            for k in range(cz):
                mass = coarse[i, j, k, MASS]
                marks[i, j, k] = 0
                if mass < 2 or (level[UNIFORM] and mass == cells):
                    continue
                held = factor * coarse[i, j, k, HELD]
                if _is_parted(level, inverse, lower, i, j, k, held):
                    marks[i, j, k] = 1
                    found[part] += 1
    return found.sum()


@numba.njit(cache=True)
def _is_parted(level, inverse, lower, i, j, k, held):
    begin = LEAD + (2 * i + 1) * level[PLANE] + (2 * j + 1) * level[ROW] + 2 * k + 1
    corner = 7  # of the block in the level
    if 2 * i + 1 == level[NX]:
        corner -= 4
    if 2 * j + 1 == level[NY]:
        corner -= 2
    if 2 * k + 1 == level[NZ]:
        corner -= 1
    known, count, most = 0, 0, np.float32(0.0)
    uniform = level[UNIFORM] != 0
    if uniform:
        most = np.float32(1.0)
    for n in range(8):
        if n & ~corner:
            continue
        f = begin + (n >> 2) * level[PLANE] + (n >> 1 & 1) * level[ROW] + (n & 1)
        colour, h = (f + 1) & 1, f >> 1
        if inverse[colour, h] > 0:
            known |= 1 << n
            count += 1
            if not uniform:
                for axis in range(3):
                    most = max(most, lower[colour, axis, h])
    if count < 2 or held > max(most, np.float32(1e-3)):
        return False
    joined, weak = 0, _WEAK * most
    for n in range(1, 8):
        if not known >> n & 1:
            continue
        f = begin + (n >> 2) * level[PLANE] + (n >> 1 & 1) * level[ROW] + (n & 1)
        colour, h = (f + 1) & 1, f >> 1
        for axis in range(3):
            bit = 4 >> axis
            if n & bit and known >> (n - bit) & 1:
                joined += 1 if uniform else lower[colour, axis, h] > weak
    return joined < (4 if level[NY] == 1 and count == 4 else _ENOUGH[count])


@numba.njit(cache=True)
def number_blocks(extra, marks):
    """Numbers of the marked blocks and of those with coupled extra unknowns.

    Returns them (int32, shape of the coarse grid, -1 elsewhere), the blocks (s, 3), of each block
    its first extra unknown of the finer level, and of each of these the next one (-1: none).
    """
    home, _, ptr, _, _, _ = extra
    for e in range(len(home)):
        if ptr[e + 1] > ptr[e]:
            marks[home[e, 0] >> 1, home[e, 1] >> 1, home[e, 2] >> 1] = 1
    number = np.full(marks.shape, -1, dtype=np.int32)
    blocks = np.empty((marks.sum(), 3), dtype=np.int32)
    count = 0
    for i in range(marks.shape[0]):
        for j in range(marks.shape[1]):
            for k in range(marks.shape[2]):
                if marks[i, j, k]:
                    number[i, j, k] = count
                    blocks[count, 0], blocks[count, 1], blocks[count, 2] = i, j, k
                    count += 1
    first, after = np.full(count, -1, dtype=np.int32), np.full(len(home), -1, dtype=np.int32)
    for e in range(len(home) - 1, -1, -1):
        if ptr[e + 1] > ptr[e]:
            s = number[home[e, 0] >> 1, home[e, 1] >> 1, home[e, 2] >> 1]
            after[e], first[s] = first[s], e
    return number, blocks, first, after


@numba.njit(cache=True)
def split(level, inverse, lower, fine, spacing, extra, blocks, first, after, coarse):
    """Divide blocks into pieces and put the moments of the largest ones into `coarse`.

    fine: moments of the finer level; empty for the finest. spacing: cells of the finest level along
    a fine cell. The other arguments are of `number_blocks`.

    Returns the owners of the cells (s, 8) and extra unknowns of the finer level: -1 for the coarse
    cell, -2 for none, else the number of an extra unknown of the coarse level; and home and moments
    of these.
    """
    home, of_extra, ptr, code, weight, extra_inverse = extra
    count, room = len(blocks), 8 + len(home)
    owner = np.full((count, 8), -1, dtype=np.int32)
    owner_of_extra = np.full(len(home), -2, dtype=np.int32)
    new_home = np.empty((8 * count + len(home), 3), dtype=np.int32)
    new_moments = np.zeros((8 * count + len(home), MOMENTS), dtype=np.float32)
    member, group = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
    where = np.full(len(home), -1, dtype=np.int32)
    total, sums = np.empty(room, dtype=np.float32), np.zeros((room, MOMENTS), dtype=np.float32)
    c = np.empty((_MOST, _MOST), dtype=np.float32)
    codes, local = np.empty(8, dtype=np.int64), np.empty(8, dtype=np.int32)
    needed, half = np.float32(JOINED / (4 if level[NY] == 1 else 6)), np.float32(0.5)
    found = 0
    for s in range(count):
        i, j, k = blocks[s]
        cell_codes(level, inverse, i, j, k, codes)
        m = 0
        for n in range(8):
            if codes[n] >= 0:
                local[n], member[m] = m, n
                colour, h = split_code(level, codes[n])
                total[m] = np.float32(1.0) / inverse[colour, h]
                if fine.size:
                    sums[m] = fine[2 * i + (n >> 2), 2 * j + (n >> 1 & 1), 2 * k + (n & 1)]
                else:
                    sums[m] = np.float32(0.0)
                    sums[m, MASS] = np.float32(1.0)
                    sums[m, HELD] = held_of(level, inverse, lower, codes[n])
                for axis in range(3):
                    sums[m, CENTRE + axis] += spacing * ((n >> (2 - axis) & 1) - half)
                m += 1
        regular, e = m, first[s]
        while e >= 0:
            where[e], member[m] = m, e
            total[m], sums[m] = np.float32(1.0) / extra_inverse[e], of_extra[e]
            for axis in range(3):
                sums[m, CENTRE + axis] += spacing * ((home[e, axis] & 1) - half)
            m += 1
            e = after[e]
        for p in range(m):
            group[p] = p
        if m <= _MOST:
            c[:m, :m] = np.float32(0.0)
            for n in range(8):
                for axis in range(3):
                    bit = 4 >> axis
                    if n & bit and codes[n] >= 0 and codes[n - bit] >= 0:
                        w = weight_below(level, lower, codes[n], axis)
                        c[local[n], local[n - bit]] = c[local[n - bit], local[n]] = w
            for p in range(regular, m):
                for link in range(ptr[member[p]], ptr[member[p] + 1]):
                    if code[link] < 0:
                        q = where[-1 - code[link]]
                        if q >= 0:
                            c[p, q] = weight[link]
                    else:
                        for n in range(8):
                            if codes[n] == code[link]:
                                c[p, local[n]] = c[local[n], p] = weight[link]
            _join(c, total, group, m, needed)
        for p in range(regular, m):
            where[member[p]] = -1
        found = _collect(
            sums, group, m, member, regular, i, j, k, coarse, new_home, new_moments, found,
            owner[s], owner_of_extra,
        )  # fmt: skip
    return owner, owner_of_extra, new_home[:found].copy(), new_moments[:found].copy()


@numba.njit(cache=True)
def _join(c, total, group, m, needed):
    """Join the pieces of a block: group = the first of those that each one is joined with.

    c: couplings between pieces. total: all that each one has. In each of three rounds pieces are
    paired, those with the least couplings first, each with its strongest partner.
    """
    degree, free = np.empty(m, dtype=np.float32), np.empty(m, dtype=np.bool_)
    share = np.empty(m, dtype=np.float32)
    for p in range(m):
        share[p] = np.float32(1.0) / total[p]
    for _ in range(3):
        joined = False
        for p in range(m):
            degree[p], free[p] = np.float32(0.0), group[p] == p
            if free[p]:
                for q in range(m):
                    if c[p, q] > 0 and group[q] == q:
                        degree[p] += c[p, q] * max(share[p], share[q])
        while True:
            p, to, best = -1, -1, needed
            for q in range(m):
                if free[q] and (p < 0 or degree[q] < degree[p]):
                    p = q
            if p < 0:
                break
            free[p] = False
            for q in range(m):
                if c[p, q] > 0 and free[q]:
                    strength = c[p, q] * max(share[p], share[q])
                    if strength > best:
                        to, best = q, strength
            if to >= 0:
                free[to], joined = False, True
                total[p] += total[to]
                share[p] = np.float32(1.0) / total[p]
                for q in range(m):
                    if q != p and q != to:
                        c[p, q] += c[to, q]
                        c[q, p] = c[p, q]
                    if group[q] == to:
                        group[q] = p
        if not joined:
            return


@numba.njit(cache=True)
def _collect(
    sums, group, m, member, regular, i, j, k, coarse, new_home, new_moments, found, owner,
    owner_of_extra,
):  # fmt: skip
    """Add up the moments of the pieces of a block, and say who owns its members."""
    largest = -1
    for p in range(m):
        root = group[p]
        if root != p:
            mass, more = sums[root, MASS], sums[p, MASS]
            for axis in range(CENTRE, MOMENTS):
                mean = mass * sums[root, axis] + more * sums[p, axis]
                sums[root, axis] = mean / (mass + more)
            sums[root, MASS] += more
            sums[root, HELD] += sums[p, HELD]
    for p in range(m):
        if group[p] == p and (largest < 0 or sums[p, MASS] > sums[largest, MASS]):
            largest = p
    for p in range(m):
        if group[p] != p:
            continue
        mine = -1
        if p == largest:
            coarse[i, j, k, HELD:] = sums[p, HELD:]
        else:
            mine = found
            new_home[found, 0], new_home[found, 1], new_home[found, 2] = i, j, k
            new_moments[found] = sums[p]
            found += 1
        for q in range(m):
            if group[q] == p:
                if q < regular:
                    owner[member[q]] = mine
                else:
                    owner_of_extra[member[q]] = mine
    return found
