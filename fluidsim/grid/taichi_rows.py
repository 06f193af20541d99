# pyright: reportInvalidTypeForm=false
"""Rows of a grid along its last axis: the items in which loops over cells and faces are dealt."""

import functools
from collections.abc import Callable
from typing import Any

import taichi as ti


@functools.cache
def row_functions(dim: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The Taichi functions row_count and row_start for `dim` dimensions."""
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

    return row_count, row_start
