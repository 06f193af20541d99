"""Rows of cells along the last axis, as kernels on the CPU run over them.

Fields on the cells (*shape) are rows of an array (rows, cells); in a stored field (*nodes) a row
begins at a flat index.
"""

from __future__ import annotations

import functools

import numpy as np
from torch import Tensor

from fluidsim.grid.grid import Grid


def flat(field: Tensor) -> np.ndarray:
    """View of a stored field as a flat array."""
    return field.view(-1).numpy()


def as_rows(field: Tensor) -> np.ndarray:
    """A cell field (*shape) as rows along the last axis, (rows, cells); no
    copy if it is contiguous."""
    return field.contiguous().view(-1, field.shape[-1]).numpy()


@functools.lru_cache(maxsize=4)
def cell_rows(grid: Grid) -> np.ndarray:
    """Flat index (rows,) int64 in a stored field at which each row of cells begins."""
    return np.tensordot(grid.strides[:-1], np.indices(grid.shape[:-1]), 1).ravel()


@functools.lru_cache(maxsize=4)
def rows_around(grid: Grid) -> np.ndarray:
    """The rows (rows, 3^(dim - 1)) int64 within one cell of each row, itself in the middle; beyond
    the grid the last row stands for those that do not exist."""
    numbers = np.arange(len(cell_rows(grid))).reshape(grid.shape[:-1])
    padded = np.pad(numbers, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3,) * numbers.ndim)
    return windows.reshape(numbers.size, -1).copy()


@functools.lru_cache(maxsize=4)
def neighbour_rows(grid: Grid) -> np.ndarray:
    """The rows (rows, 2 (dim - 1)) int64 below and above each row on the axes across it; -1 where
    there is none."""
    numbers = np.arange(len(cell_rows(grid))).reshape(grid.shape[:-1])
    sides = []
    for axis in range(numbers.ndim):
        line = np.moveaxis(np.full((2, *numbers.shape), -1), 1 + axis, 1)
        along = np.moveaxis(numbers, axis, 0)
        line[0, 1:], line[1, :-1] = along[:-1], along[1:]
        sides += [np.moveaxis(side, 0, axis).ravel() for side in line]
    return np.stack(sides, 1)
