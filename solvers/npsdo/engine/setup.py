"""Setup of the engine: the jobs on a level, dealt out to threads by one kernel."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.npsdo.engine.images import coarsen, fill_share, measure_rows
from solvers.npsdo.engine.layout import CELL, CELLS, PARTS, is_small, picture, vector
from solvers.npsdo.engine.windows import (
    fill_coefficients,
    fill_stencils,
    find_segments,
    hash_lines,
    number_windows,
)


class Job(IntEnum):
    """A step of the setup of a level.

    COARSEN: its image from that of the finer level. SHARE: the share of interpolated values.
    LINES: hashes of three cells in line. WINDOWS: numbers of the windows around cells.
    SEGMENTS: cells in a row that share a stencil. COEFFICIENTS: the affine maps of the windows.
    STENCILS: the stencils of the patterns.
    """

    COARSEN = 0
    SHARE = 1
    LINES = 2
    WINDOWS = 3
    SEGMENTS = 4
    COEFFICIENTS = 5
    STENCILS = 6


class LevelArrays(NamedTuple):
    """What the jobs read and write, of all levels.

    table: int64 (levels + 1, COLUMNS), see `layout.level_table`.
    row_cuts: int64 (levels, PARTS + 1), the rows where the parts begin, and the end.
    fluid, air: flat float32 pictures; fluid_bits, air_bits: the same memory as uint32.
    lines, numbers: flat uint64 and int32 pictures. share: flat float32 vectors.
    extents: int32 (rows of all levels, 3), see `images`.
    windows, segments, origins: int32 (cells of all levels, 2, 4 and 2); the entries of a part begin
        where its cells do.
    window_counts, window_bases: int64 (levels, PARTS), how many windows a part has, and where they
        begin in `coefficients`.
    counts: int64 (levels, PARTS, 2), segments and patterns.
    pattern_bases: int64 (levels, PARTS), where the patterns of a part begin in `stencils`.
    coefficients, stencils: float32 (windows or patterns, width).
    slopes, biases, gains: the learned maps, see `stencils.Stencils`.
    """

    table: np.ndarray
    row_cuts: np.ndarray
    fluid: np.ndarray
    air: np.ndarray
    fluid_bits: np.ndarray
    air_bits: np.ndarray
    lines: np.ndarray
    numbers: np.ndarray
    share: np.ndarray
    extents: np.ndarray
    windows: np.ndarray
    window_counts: np.ndarray
    window_bases: np.ndarray
    coefficients: np.ndarray
    segments: np.ndarray
    origins: np.ndarray
    counts: np.ndarray
    pattern_bases: np.ndarray
    stencils: np.ndarray
    slopes: np.ndarray
    biases: np.ndarray
    gains: np.ndarray


@numba.njit(cache=True, parallel=True)
def prepare(job, index, arrays):
    """Do a job on level number `index`."""
    # Without the cast all below would be compiled for the unsigned index of prange as well.
    if is_small(arrays.table[index]):
        for part in range(PARTS):
            _prepare_part(job, index, part, arrays)
    else:
        for part in numba.prange(PARTS):
            _prepare_part(job, index, np.int64(part), arrays)


@numba.njit(cache=True)
def _prepare_part(job, index, part, arrays):
    level = arrays.table[index]
    begin, end = arrays.row_cuts[index, part], arrays.row_cuts[index, part + 1]
    place = level[CELL] + begin * level[CELLS]
    fluid, air = picture(arrays.fluid, level), picture(arrays.air, level)
    lines, numbers = picture(arrays.lines, level), picture(arrays.numbers, level)
    windows, origins = arrays.windows[place:], arrays.origins[place:]
    if job == Job.COARSEN:
        finer = arrays.table[index - 1]
        coarsen(picture(arrays.fluid, finer), fluid, finer, level, part)
        coarsen(picture(arrays.air, finer), air, finer, level, part)
        measure_rows(fluid, arrays.extents, level, part)
    elif job == Job.SHARE:
        coarse = arrays.table[index + 1]
        present = picture(arrays.fluid, coarse), picture(arrays.air, coarse)
        share = vector(arrays.share, level)
        fill_share(fluid, present[0], present[1], share, begin, end, level, coarse)
    elif job == Job.LINES:
        bits = picture(arrays.fluid_bits, level), picture(arrays.air_bits, level)
        hash_lines(bits[0], bits[1], lines, level, part)
    elif job == Job.WINDOWS:
        found = number_windows(fluid, lines, begin, end, level, part, numbers, windows)
        arrays.window_counts[index, part] = found
    elif job == Job.SEGMENTS:
        segments, counts = arrays.segments[place:], arrays.counts[index, part]
        find_segments(numbers, arrays.extents, begin, end, level, segments, origins, counts)
    elif job == Job.COEFFICIENTS:
        first, maps = arrays.window_bases[index, part], min(index, len(arrays.gains) - 1)
        coefficients = arrays.coefficients[first:][: arrays.window_counts[index, part]]
        slopes, biases = arrays.slopes[maps], arrays.biases[maps]
        fill_coefficients(fluid, air, level, part, windows, slopes, biases, coefficients)
    else:
        own, gain = (
            origins[: arrays.counts[index, part, 1]],
            arrays.gains[min(index, len(arrays.gains) - 1)],
        )
        stencils, bases = (
            arrays.stencils[arrays.pattern_bases[index, part] :],
            arrays.window_bases[index],
        )
        fill_stencils(numbers, level, own, arrays.coefficients, bases, gain, stencils)
