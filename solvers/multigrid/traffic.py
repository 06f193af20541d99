"""Bytes that the packed multigrid has to move between memory and cores.

Counted for one pass over memory of each kernel: an array that a pass reads or writes counts once,
one that it changes twice, however often its entries are used. Entries are those of the spans that
kernels run over. A core's caches may keep small levels, so their passes can be faster than memory.
"""

from __future__ import annotations

import numpy as np

from solvers.multigrid.kernels import NX, NY, NZ, UNIFORM
from solvers.multigrid.packed_levels import Hierarchy
from solvers.multigrid.setup import MOMENTS

SINGLE, DOUBLE = 4, 8
_COUPLINGS = 6 * SINGLE  # of an entry, towards its neighbours
# Bytes an entry: vectors of the other colour, right-hand side and inverse are read, x is changed.
_BEGIN = 4 * SINGLE
_RELAX = 5 * SINGLE
_RESIDUAL = 5 * SINGLE
_RESTRICT, _PROLONG = 2 * SINGLE, 3 * SINGLE
# Bytes an entry of what an iteration does beside the cycle: red cells, product, step, dot, turn.
_RED = _PRODUCT = 2 * SINGLE + 2 * DOUBLE
_STEP = 3 * DOUBLE + 3 * SINGLE
_DOT, _TURN = 2 * SINGLE, 2 * DOUBLE + SINGLE


def setup_bytes(hierarchy: Hierarchy, itemsize: int = DOUBLE) -> int:
    """Of the setup: mask and weights (itemsize bytes each) are read; inverse diagonals, couplings
    where they differ, and moments are written; those of each level make the next one."""
    total = 0
    for index, level in enumerate(hierarchy.table):
        cells = int(level[NX] * level[NY] * level[NZ])
        axes = 2 + int(level[NY] > 1)
        couplings = 0 if level[UNIFORM] else 3 * SINGLE
        moments = MOMENTS * SINGLE
        read = 1 + axes * itemsize if index == 0 else moments
        total += cells * (read + SINGLE + couplings + moments // 2**axes)
    return total


def cycle_bytes(hierarchy: Hierarchy, sweeps: int) -> int:
    """Of a V-cycle with so many sweeps before and after the coarse corrections."""
    entries, total = _entries(hierarchy), 0
    for index in range(len(entries) - 1):
        couplings = _couplings(hierarchy, index)
        relaxed = 4 * sweeps - (3 if index == 0 else 1)  # half sweeps but for the first of all
        passes = _BEGIN + relaxed * (_RELAX + couplings) + _RESIDUAL + couplings
        total += entries[index] * (passes + _RESTRICT + _PROLONG)
        total += entries[index + 1] * 4 * SINGLE  # both colours of its b and of its x
    return total


def iteration_bytes(hierarchy: Hierarchy, sweeps: int) -> int:
    """Of an iteration of conjugate gradients, its V-cycle included."""
    own = _RED + _PRODUCT + 2 * _couplings(hierarchy, 0) + _STEP + _DOT + _TURN
    return _entries(hierarchy)[0] * own + cycle_bytes(hierarchy, sweeps)


def _entries(hierarchy: Hierarchy) -> list[int]:
    """Entries of a colour that kernels run over, of each level."""
    lengths = np.diff(hierarchy.spans.astype(np.int64), axis=1)
    return [int(lengths[cuts[0] : cuts[-1]].sum()) for cuts in hierarchy.cuts]


def _couplings(hierarchy: Hierarchy, index: int) -> int:
    return 0 if hierarchy.table[index, UNIFORM] else _COUPLINGS
