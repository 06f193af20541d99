"""Setup of the engine, second part: CPU kernels from images to stencils.

A window of 3^d cells determines the coefficients of a cell. The stencils of the cell follow from
its own coefficients and those of its neighbours, because the smoother is (K + K^T) / 2 and the way
up is the transpose of the way down. Windows, and neighbourhoods of windows, are compared by 64-bit
hashes; equal ones share their results if the second one finds the first in a cache.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401
from solvers.npsdo.engine.images import ring_rows
from solvers.npsdo.engine.layout import (
    FASTMATH,
    FIRST,
    GRID_ROW,
    LAST,
    LEAD,
    PATTERN,
    PICTURE_PLANE,
    ROW,
    ROWS,
    picture_row,
    vector_row,
)

# The number of a window of only fluid. Other windows are numbered by their part times _PART plus 1
# plus their place among those of the part.
_FLUID_ALONE, _PART = np.int32(1), 1 << 25
# Entries of the cache (a power of two), and the odd factors of the hashes.
_CACHE = 4096
_FIRST_MIX, _SECOND_MIX = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_FACTORS = np.random.default_rng(0).integers(2**63, size=27).astype(np.uint64) * 2 + 1
_ONE = np.float32(1.0).view(np.uint32)


@numba.njit(cache=True)
def hash_lines(fluid, air, lines, level, part):
    """Hashes of three cells in line around each cell, ring included; 0 for fluid only."""
    begin, end = ring_rows(level, part)
    rows = level[ROWS] + 2
    keys = np.empty(fluid.shape[1], dtype=np.uint64)
    for row in range(begin, end):
        at = (row // rows + level[LEAD]) * level[PICTURE_PLANE] + row % rows + 1
        _keys(fluid[at], air[at], keys)
        _combine(keys[1:-1], lines[at, 2:-2])


@numba.njit(cache=True)
def _keys(fluid, air, keys):
    """Hashes of the two channels of each cell, 0 where the cell is all fluid."""
    fluid_alone = _mix(np.uint64(_ONE))
    for k in range(len(keys)):
        keys[k] = _mix(np.uint64(fluid[k]) | np.uint64(air[k]) << np.uint64(32)) - fluid_alone


@numba.njit(cache=True)
def _mix(value):
    value = (value ^ (value >> np.uint64(30))) * _FIRST_MIX
    value = (value ^ (value >> np.uint64(27))) * _SECOND_MIX
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True)
def _combine(keys, lines):
    for k in range(len(lines)):
        lines[k] = keys[k] ^ _rotated(keys[k + 1], 21) ^ _rotated(keys[k + 2], 42)


@numba.njit(cache=True)
def _rotated(value, bits):
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@numba.njit(cache=True)
def number_windows(fluids, lines, begin, end, level, part, numbers, windows):
    """Number the windows around cells, 0 where there is no fluid, and note where each first occurs.

    Returns the number of windows of the part; the first window of the first part is fluid only.
    """
    cache, known = np.zeros(_CACHE, dtype=np.uint64), np.zeros(_CACHE, dtype=np.int32)
    plain = np.empty(fluids.shape[1] - 4, dtype=np.uint64)
    found, reserved = 0, 1 if part == 0 else 0
    for row in range(begin, end):
        at = picture_row(level, row)
        plain[:] = np.uint64(0)
        for i in range(-level[LEAD], level[LEAD] + 1):
            n = at + i * level[PICTURE_PLANE]
            _or(plain, lines[n - 1, 2:-2], lines[n, 2:-2], lines[n + 1, 2:-2])
        for k in range(len(plain)):
            number = np.int32(0)
            if fluids[at, k + 2] > 0:
                number = _FLUID_ALONE
                if plain[k] != 0:
                    value = _hash(lines, at, k + 2, level)
                    slot = value & np.uint64(_CACHE - 1)
                    if cache[slot] != value:
                        cache[slot], known[slot] = value, part * _PART + reserved + found + 1
                        windows[found, 0], windows[found, 1] = row, k
                        found += 1
                    number = known[slot]
            numbers[at, k + 2] = number
    return reserved + found


@numba.njit(cache=True)
def _or(result, a, b, c):
    for k in range(len(result)):
        result[k] |= a[k] | b[k] | c[k]


@numba.njit(cache=True)
def _hash(lines, at, column, level):
    """Hash of the lines around a cell in one column; not 0."""
    value, n = np.uint64(0), 0
    for i in range(-level[LEAD], level[LEAD] + 1):
        for j in range(-1, 2):
            value += _scrambled(lines[at + i * level[PICTURE_PLANE] + j, column], n)
            n += 1
    return (value ^ (value >> np.uint64(32))) | np.uint64(1)


@numba.njit(cache=True)
def _scrambled(value, n):
    product = np.uint64(value) * _FIRST_MIX
    return (product ^ (product >> np.uint64(29))) * _FACTORS[n]


@numba.njit(cache=True)
def find_segments(numbers, extents, begin, end, level, segments, origins, counts):
    """Find the segments of rows begin to end, and where each of their patterns first occurs."""
    cache, known = np.zeros(_CACHE, dtype=np.uint64), np.zeros(_CACHE, dtype=np.int32)
    plain = np.empty(numbers.shape[1], dtype=np.int32)
    found, patterns = 0, 0
    for row in range(begin, end):
        first, last = extents[level[GRID_ROW] + row, 0], extents[level[GRID_ROW] + row, 1]
        if first == last:
            continue
        at, target = picture_row(level, row), vector_row(level, row)
        around = slice(first + 1, last + 3)
        plain[around] = np.int32(0)
        for i in range(-level[LEAD], level[LEAD] + 1):
            n = at + i * level[PICTURE_PLANE]
            _or_others(
                plain[around], numbers[n - 1, around], numbers[n, around], numbers[n + 1, around]
            )
        before = np.uint64(0)
        for k in range(first, last):
            if numbers[at, k + 2] == 0:
                before = np.uint64(0)
                continue
            value = np.uint64(2)
            if (plain[k + 1] | plain[k + 2] | plain[k + 3]) != 0:
                value = _hash_numbers(numbers, at, k + 2, level)
            if value == before:
                segments[found - 1, LAST] = k + 2
                continue
            before = value
            slot = (value >> np.uint64(8)) & np.uint64(_CACHE - 1)
            if cache[slot] != value:
                cache[slot], known[slot] = value, patterns
                origins[patterns, 0], origins[patterns, 1] = row, k
                patterns += 1
            segments[found, ROW], segments[found, PATTERN] = target, known[slot]
            segments[found, FIRST], segments[found, LAST] = k + 1, k + 2
            found += 1
    counts[0], counts[1] = found, patterns


@numba.njit(cache=True)
def _or_others(result, a, b, c):
    """Accumulate the differences from windows of only fluid."""
    for k in range(len(result)):
        result[k] |= (a[k] ^ _FLUID_ALONE) | (b[k] ^ _FLUID_ALONE) | (c[k] ^ _FLUID_ALONE)


@numba.njit(cache=True)
def _hash_numbers(numbers, at, column, level):
    """Hash of the numbers around a cell; odd."""
    value, n = np.uint64(0), 0
    for i in range(-level[LEAD], level[LEAD] + 1):
        for j in range(-1, 2):
            line = numbers[at + i * level[PICTURE_PLANE] + j]
            for k in range(column - 1, column + 2):
                value += _scrambled(line[k], n)
                n += 1
    return (value ^ (value >> np.uint64(32))) | np.uint64(1)


@numba.njit(cache=True)
def fill_coefficients(fluids, airs, level, part, windows, slopes, biases, coefficients):
    """Evaluate the affine maps of windows; the first one of the first part is fluid only."""
    reserved = 1 if part == 0 else 0
    for p in range(len(coefficients)):
        result = coefficients[p]
        result[:] = biases
        if p < reserved:
            for n in range(len(slopes)):
                _add_multiple(result, np.float32(1.0), slopes[n, 0])
            continue
        at, k = picture_row(level, windows[p - reserved, 0]), windows[p - reserved, 1]
        n = 0
        for i in range(-level[LEAD], level[LEAD] + 1):
            for j in range(-1, 2):
                line = at + i * level[PICTURE_PLANE] + j
                for m in range(k + 1, k + 4):
                    if fluids[line, m] != 0:
                        _add_multiple(result, fluids[line, m], slopes[n, 0])
                    if airs[line, m] != 0:
                        _add_multiple(result, airs[line, m], slopes[n, 1])
                    n += 1


@numba.njit(cache=True, fastmath=FASTMATH)
def _add_multiple(a, factor, b):
    for k in range(len(a)):
        a[k] += factor * b[k]


@numba.njit(cache=True)
def fill_stencils(numbers, level, origins, coefficients, bases, gain, stencils):
    """Smoother, way down and way up of patterns, from the numbers where each first occurs."""
    half, width = np.float32(0.5), coefficients.shape[1] // 2
    deep = 2 * level[LEAD] + 1
    for p in range(len(origins)):
        at, column = picture_row(level, origins[p, 0]), origins[p, 1] + 2
        own, result = coefficients[_place(numbers[at, column], bases)], stencils[p]
        result[width : 2 * width] = own[width:]
        n, opposite = 0, 9 * deep - 1
        for i in range(deep):
            for j in range(-1, 2):
                line = numbers[at + (i - level[LEAD]) * level[PICTURE_PLANE] + j]
                for k in range(column - 1, column + 2):
                    smooth, up = np.float32(0.0), np.float32(0.0)
                    if line[k] != 0:
                        other = _place(line[k], bases)
                        smooth = half * (own[n] + coefficients[other, opposite - n])
                        up = gain * coefficients[other, width + opposite - n]
                    result[n], result[2 * width + n] = smooth, up
                    n += 1


@numba.njit(cache=True)
def _place(number, bases):
    """The position of the coefficients of a numbered window."""
    return bases[number // _PART] + number % _PART - 1
