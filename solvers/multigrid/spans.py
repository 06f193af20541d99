"""Which parts of a packed level hold cells, and how they are dealt out to threads: CPU kernels."""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.multigrid.kernels import BLOCK, PARTS
from solvers.multigrid.setup import MASS

# A gap of more blocks without a diagonal than this ends a span, and so does this number of entries,
# so that the work can be dealt out.
_GAP, _LONGEST = 6, 4096


@numba.njit(cache=True)
def find_spans(inverse):
    """Ranges of entries that have a diagonal: first and one past the last, uint64 (spans, 2)."""
    size = inverse.shape[1]
    used = _used_blocks(inverse)
    spans = np.empty((size // BLOCK + 2, 2), dtype=np.uint64)
    found, begin, end = 0, -1, -1
    for block in range(len(used)):
        if not used[block]:
            continue
        if begin >= 0 and block - end <= _GAP and (block - begin) * BLOCK < _LONGEST:
            end = block + 1
            continue
        if begin >= 0:
            spans[found, 0], spans[found, 1] = begin * BLOCK, end * BLOCK
            found += 1
        begin, end = block, block + 1
    if begin >= 0:
        spans[found, 0], spans[found, 1] = begin * BLOCK, min(end * BLOCK, size)
        found += 1
    return spans[:found].copy()


@numba.njit(cache=True, parallel=True)
def _used_blocks(inverse):
    """Which blocks of entries have a diagonal in either colour."""
    size = inverse.shape[1]
    used = np.zeros((size + BLOCK - 1) // BLOCK, dtype=np.bool_)
    for block in numba.prange(len(used)):
        total = np.float32(0.0)
        for h in range(block * BLOCK, min((block + 1) * BLOCK, size)):
            total += inverse[0, h] + inverse[1, h]
        used[block] = total > 0
    return used


@numba.njit(cache=True)
def find_rows(moments):
    """Rows with active cells: i, j, first active cell, one past the last; int64 (rows, 4)."""
    nx, ny, nz = moments.shape[:3]
    rows = np.empty((nx * ny, 4), dtype=np.int64)
    found = 0
    for i in range(nx):
        for j in range(ny):
            first, last = 0, nz
            while first < last and moments[i, j, first, MASS] == 0:
                first += 1
            while first < last and moments[i, j, last - 1, MASS] == 0:
                last -= 1
            if first < last:
                rows[found, 0], rows[found, 1] = i, j
                rows[found, 2], rows[found, 3] = first, last
                found += 1
    return rows[:found].copy()


@numba.njit(cache=True)
def deal(pieces, first):
    """Where to cut a list of pieces (..., begin, end), counted from `first`, into PARTS of similar
    total length."""
    total = 0
    for s in range(len(pieces)):
        total += pieces[s, -1] - pieces[s, -2]
    cuts = np.empty(PARTS + 1, dtype=np.int64)
    part, done = 0, 0
    for s in range(len(pieces)):
        while part <= PARTS and done * PARTS >= part * total:
            cuts[part] = first + s
            part += 1
        done += pieces[s, -1] - pieces[s, -2]
    cuts[part:] = first + len(pieces)
    return cuts
