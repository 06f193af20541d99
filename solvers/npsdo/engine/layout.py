"""The memory layout of the learned level and of the next coarser one; a 2D grid is a single plane.

A level has `planes` x `rows` rows of `cells` cells. Vectors are float32 with zeros around them: one
cell below and one above along each axis (two above if the number of cells is odd), so that a coarse
value never reads outside. Pictures (the two channels of the image, and hashes of its lines) have
two more cells on all sides: the ring of the image, and one more. A 2D grid has no planes around it.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401

# Columns of a level table. LEAD: planes of zeros before the first plane of a vector, 1 or 0.
# VECTOR, PICTURE, GRID_ROW, CELL: where the level begins in the flat arrays of all levels.
PLANES, ROWS, CELLS, LEAD, VECTOR, PLANE, WIDTH = range(7)
PICTURE, PICTURE_PLANE, PICTURE_WIDTH, GRID_ROW, CELL, COLUMNS = range(7, 13)
# Columns of a segment: cells of a row (as numbered in vectors) that share a stencil.
ROW, FIRST, LAST, PATTERN = range(4)
# Number of parts that the rows of a level are dealt into.
PARTS = 32
# Levels with fewer cells than this use one thread.
_LEAST_CELLS = 6000
# Sums may be reordered (SIMD lanes), but NaN and Inf keep their meaning.
FASTMATH = {"reassoc", "contract", "nsz"}


def level_table(shape: tuple[int, ...]) -> np.ndarray:
    """Level table of a grid and its aggregates, int64 (3, COLUMNS); the last row holds ends."""
    lead = len(shape) - 2
    planes, rows, cells = (1, *shape)[-3:]
    table, ends = [], np.zeros(COLUMNS, dtype=np.int64)
    for _ in range(2):
        level = ends.copy()
        level[[PLANES, ROWS, CELLS, LEAD]] = planes, rows, cells, lead
        level[PLANE], level[WIDTH] = rows + 2 + rows % 2, cells + 2 + cells % 2
        level[PICTURE_PLANE], level[PICTURE_WIDTH] = rows + 4, cells + 4
        table.append(level)
        ends = level.copy()
        ends[VECTOR] += (planes + lead * (2 + planes % 2)) * level[PLANE] * level[WIDTH]
        ends[PICTURE] += (planes + 4 * lead) * level[PICTURE_PLANE] * level[PICTURE_WIDTH]
        ends[GRID_ROW] += planes * rows
        ends[CELL] += planes * rows * cells
        planes, rows, cells = ((n + 1) // 2 for n in (planes, rows, cells))
    return np.stack([*table, ends])


@numba.njit(cache=True)
def vector(flat, level):
    """A vector of one level as rows, including those of zeros."""
    count = (level[PLANES] + level[LEAD] * (2 + level[PLANES] % 2)) * level[PLANE]
    begin = level[VECTOR]
    return flat[begin : begin + count * level[WIDTH]].reshape(count, level[WIDTH])


@numba.njit(cache=True)
def picture(flat, level):
    """A picture of one level as rows, including those around it."""
    count = (level[PLANES] + 4 * level[LEAD]) * level[PICTURE_PLANE]
    begin = level[PICTURE]
    return flat[begin : begin + count * level[PICTURE_WIDTH]].reshape(count, level[PICTURE_WIDTH])


@numba.njit(cache=True)
def vector_row(level, row):
    """Row of a vector that holds row number `row` of the grid; cell k is at k + 1."""
    i, j = row // level[ROWS], row % level[ROWS]
    return (i + level[LEAD]) * level[PLANE] + j + 1


@numba.njit(cache=True)
def picture_row(level, row):
    """Row of a picture that holds row number `row` of the grid; cell k is at k + 2."""
    i, j = row // level[ROWS], row % level[ROWS]
    return (i + 2 * level[LEAD]) * level[PICTURE_PLANE] + j + 2


@numba.njit(cache=True)
def is_small(level):
    """Whether a level is too small for a second thread."""
    return level[PLANES] * level[ROWS] * level[CELLS] < _LEAST_CELLS
