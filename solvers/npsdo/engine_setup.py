"""Setup of the engine: the kinds of work on a level, dealt to threads by one kernel."""

from __future__ import annotations

import numba
import numpy as np

from solvers.npsdo.engine_images import coarsen, fill_share, measure_rows
from solvers.npsdo.engine_layout import CELL, CELLS, PARTS, is_small, picture, vector
from solvers.npsdo.engine_windows import (
    fill_coefficients,
    fill_stencils,
    find_segments,
    hash_lines,
    number_windows,
)

# Kinds of work on a level: its image from the finer one, the share of interpolated values, hashes
# of three cells in line, numbers of windows, segments, coefficients of windows, stencils.
COARSEN, SHARE, LINES, WINDOWS, SEGMENTS, COEFFICIENTS, STENCILS = (np.int64(n) for n in range(7))


@numba.njit(cache=True, parallel=True)
def prepare(
    kind, index, table, row_cuts, fluid, air, fluid_bits, air_bits, lines, numbers, share, extents,
    windows, window_counts, window_bases, coefficients, segments, origins, counts, bases, stencils,
    slopes, biases, gain,
):  # fmt: skip
    """One kind of work on a level.

    row_cuts: rows where the parts begin, and the end. fluid_bits, air_bits: the same memory as
    fluid and air, as uint32. lines, numbers: uint64 and int32 pictures. extents: int32 (rows of
    all levels, 3). segments, origins, windows: int32 (cells of all levels, 4, 2 and 2); those of
    a part begin where its cells do. window_counts: int64 (PARTS,). counts: int64 (PARTS, 2):
    segments and patterns. window_bases, bases: where windows and patterns of a part begin in
    `coefficients` and `stencils`. slopes, biases, gain: of the level, see `engine_stencils`.
    """
    # Without the cast all below would be compiled for the unsigned index of prange as well.
    if is_small(table[index]):
        for part in range(PARTS):
            _part(
                kind, index, part, table, row_cuts, fluid, air, fluid_bits, air_bits, lines,
                numbers, share, extents, windows, window_counts, window_bases, coefficients,
                segments, origins, counts, bases, stencils, slopes, biases, gain,
            )  # fmt: skip
    else:
        for part in numba.prange(PARTS):
            _part(
                kind, index, np.int64(part), table, row_cuts, fluid, air, fluid_bits, air_bits,
                lines, numbers, share, extents, windows, window_counts, window_bases, coefficients,
                segments, origins, counts, bases, stencils, slopes, biases, gain,
            )  # fmt: skip


@numba.njit(cache=True)
def _part(
    kind, index, part, table, row_cuts, fluid, air, fluid_bits, air_bits, lines, numbers, share,
    extents, windows, window_counts, window_bases, coefficients, segments, origins, counts, bases,
    stencils, slopes, biases, gain,
):  # fmt: skip
    level = table[index]
    begin, end = row_cuts[part], row_cuts[part + 1]
    place = level[CELL] + begin * level[CELLS]
    fluids, airs = picture(fluid, level), picture(air, level)
    hashes, numbered = picture(lines, level), picture(numbers, level)
    if kind == COARSEN:
        finer = table[index - 1]
        coarsen(picture(fluid, finer), fluids, finer, level, part)
        coarsen(picture(air, finer), airs, finer, level, part)
        measure_rows(fluids, extents, level, part)
    elif kind == SHARE:
        coarse = table[index + 1]
        shares = vector(share, level)
        present = picture(fluid, coarse), picture(air, coarse)
        fill_share(fluids, present[0], present[1], shares, begin, end, level, coarse)
    elif kind == LINES:
        bits = picture(fluid_bits, level), picture(air_bits, level)
        hash_lines(bits[0], bits[1], hashes, level, part)
    elif kind == WINDOWS:
        found = number_windows(fluids, hashes, begin, end, level, part, numbered, windows[place:])
        window_counts[part] = found
    elif kind == SEGMENTS:
        mine, own = segments[place:], origins[place:]
        find_segments(numbered, extents, begin, end, level, mine, own, counts[part])
    elif kind == COEFFICIENTS:
        own, mine = windows[place:], coefficients[window_bases[part] :][: window_counts[part]]
        fill_coefficients(fluids, airs, level, part, own, slopes, biases, mine)
    else:
        own, mine = origins[place : place + counts[part, 1]], stencils[bases[part] :]
        fill_stencils(numbered, level, own, coefficients, window_bases, gain, mine)
