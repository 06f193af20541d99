"""Cells of a packed level by their codes: CPU kernels.

The code of a cell is its place in `kernels.values`: colour * entries + entry. One that does not
exist, or has no diagonal, has the code -1.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.multigrid.kernels import NX, NY, NZ, SIZE, UNIFORM, place, stencil

# What is left of a diagonal below this part of it is rounding.
_ROUNDING = 1e-5


@numba.njit(cache=True)
def cell_codes(level, inverse, i, j, k, codes):
    """Codes of the cells 4 a + 2 b + c of a block that have a diagonal, -1 of others."""
    for n in range(8):
        a, b, c = 2 * i + (n >> 2), 2 * j + (n >> 1 & 1), 2 * k + (n & 1)
        codes[n] = -1
        if a < level[NX] and b < level[NY] and c < level[NZ]:
            colour, h = place(level, a, b, c)
            if inverse[colour, h] > 0:
                codes[n] = colour * level[SIZE] + h


@numba.njit(cache=True)
def split_code(level, code):
    """Colour and entry of a cell from its code; a division would take longer than all else."""
    colour = np.int64(code >= level[SIZE])
    return colour, code - colour * level[SIZE]


@numba.njit(cache=True)
def weight_below(level, lower, code, axis):
    """Weight of a cell towards its lower neighbour, both of which have a diagonal."""
    if level[UNIFORM]:
        return np.float32(1.0)
    colour, h = split_code(level, code)
    return lower[colour, axis, h]


@numba.njit(cache=True)
def held_of(level, inverse, lower, code):
    """Weight of a cell of the finest level towards p = 0."""
    colour, entry = split_code(level, code)
    h = np.uint64(entry)
    (p0, p1), (r0, r1), (c0, c1), middle, uniform = stencil(level, colour)
    total, one = np.float32(1.0) / inverse[colour, h], np.float32(1.0)
    if uniform:
        y = inverse[1 - colour]
        inner = one * (y[h - p0] > 0) + (y[h + p1] > 0) + (y[h - c0] > 0) + (y[h + c1] > 0)
        inner += middle * ((y[h - r0] > 0) + (y[h + r1] > 0))
    else:
        w, v = lower[colour], lower[1 - colour]
        inner = w[0, h] + v[0, h + p1] + w[1, h] + v[1, h + r1] + w[2, h] + v[2, h + c1]
    held = total - inner
    return held if held > _ROUNDING * total else np.float32(0.0)
