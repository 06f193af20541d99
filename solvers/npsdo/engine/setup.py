"""Setup of the engine: its jobs, dealt out to threads by one kernel."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.npsdo.engine.images import coarsen, fill_share, measure_rows
from solvers.npsdo.engine.layout import CELLS, PARTS, is_small, picture, vector
from solvers.npsdo.engine.windows import (
    fill_coefficients,
    fill_stencils,
    find_segments,
    hash_lines,
    number_windows,
)


class Job(IntEnum):
    """A step of the setup.

    COARSEN: the image of the coarser level. SHARE: the share of interpolated values. LINES: hashes
    of three cells in line. WINDOWS: numbers of the windows around cells.
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
    """What the jobs read and write. Entries per cell, windows and patterns are of the finer level.

    table: int64 (3, COLUMNS), see `layout.level_table`.
    row_cuts: int64 (2, PARTS + 1), the rows of a level where the parts begin, and the end.
    fluid, air: flat float32 pictures; fluid_bits, air_bits: the same memory as uint32.
    lines, numbers: flat uint64 and int32 pictures. share: flat float32 vectors.
    extents: int32 (rows of both levels, 3), see `images`.
    windows, segments, origins: int32 (cells, 2, 4 and 2); the entries of a part begin where its
        cells do.
    window_counts, window_bases: int64 (PARTS,), how many windows a part has, and where they begin
        in `coefficients`.
    counts: int64 (PARTS, 2), segments and patterns.
    pattern_bases: int64 (PARTS,), where the patterns of a part begin in `stencils`.
    coefficients, stencils: float32 (windows or patterns, width).
    slopes, biases, gain: the learned map, see `stencils.Stencils`.
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
    gain: np.float32


@numba.njit(cache=True, parallel=True)
def prepare(job, arrays):
    """Do a job."""
    # Without the cast all below would be compiled for the unsigned index of prange as well.
    if is_small(arrays.table[0]):
        for part in range(PARTS):
            _prepare_part(job, part, arrays)
    else:
        for part in numba.prange(PARTS):
            _prepare_part(job, np.int64(part), arrays)


@numba.njit(cache=True)
def _prepare_part(job, part, arrays):
    level, coarse = arrays.table[0], arrays.table[1]
    begin, end = arrays.row_cuts[0, part], arrays.row_cuts[0, part + 1]
    place = begin * level[CELLS]
    fluid, air = picture(arrays.fluid, level), picture(arrays.air, level)
    coarse_fluid, coarse_air = picture(arrays.fluid, coarse), picture(arrays.air, coarse)
    lines, numbers = picture(arrays.lines, level), picture(arrays.numbers, level)
    windows, origins = arrays.windows[place:], arrays.origins[place:]
    if job == Job.COARSEN:
        coarsen(fluid, coarse_fluid, level, coarse, part)
        coarsen(air, coarse_air, level, coarse, part)
        shares = vector(arrays.share, coarse)
        measure_rows(coarse_fluid, arrays.extents, shares, coarse, part)
    elif job == Job.SHARE:
        share = vector(arrays.share, level)
        fill_share(fluid, coarse_fluid, coarse_air, share, begin, end, level, coarse)
    elif job == Job.LINES:
        bits = picture(arrays.fluid_bits, level), picture(arrays.air_bits, level)
        hash_lines(bits[0], bits[1], lines, level, part)
    elif job == Job.WINDOWS:
        found = number_windows(fluid, lines, begin, end, level, part, numbers, windows)
        arrays.window_counts[part] = found
    elif job == Job.SEGMENTS:
        segments, counts = arrays.segments[place:], arrays.counts[part]
        find_segments(numbers, arrays.extents, begin, end, level, segments, origins, counts)
    elif job == Job.COEFFICIENTS:
        coefficients = arrays.coefficients[arrays.window_bases[part] :]
        coefficients = coefficients[: arrays.window_counts[part]]
        maps = arrays.slopes, arrays.biases
        fill_coefficients(fluid, air, level, part, windows, maps[0], maps[1], coefficients)
    else:
        own, stencils = (
            origins[: arrays.counts[part, 1]],
            arrays.stencils[arrays.pattern_bases[part] :],
        )
        bases, gain = arrays.window_bases, arrays.gain
        fill_stencils(numbers, level, own, arrays.coefficients, bases, gain, stencils)
