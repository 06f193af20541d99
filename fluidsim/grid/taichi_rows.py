# pyright: reportInvalidTypeForm=false
"""Rows of cells along the last axis, for Taichi kernels: a row is one item of a parallel loop."""

import functools
from typing import Any, NamedTuple

import taichi as ti

from fluidsim.grid.taichi_types import Function


class RowFunctions(NamedTuple):
    """row_count(shape): rows of an array. row_start(row, shape): the first point of one of them."""

    row_count: Function
    row_start: Function


@functools.cache
def row_functions(dim: int) -> RowFunctions:
    """The functions for `dim` dimensions."""
    ivec: Any = ti.types.vector(dim, ti.i32)

    @ti.func
    def row_count(shape: ti.template()):
        """Rows of an array of this shape."""
        rows = 1
        for k in ti.static(range(dim - 1)):
            rows *= shape[k]
        return rows

    @ti.func
    def row_start(row: ti.i32, shape: ti.template()):
        """The first point of a row of an array of this shape."""
        at = ivec(0)
        rest = row
        for kk in ti.static(range(1, dim)):
            k = ti.static(dim - 1 - kk)
            at[k] = rest % shape[k]
            rest = rest // shape[k]
        return at

    return RowFunctions(row_count, row_start)
