"""The steps of advection (see advection_torch.py) as CPU kernels, row by row along the last axis.

The values that a row needs are gathered into a small table, one line each, so that the arithmetic
runs over lines and is vectorised. Cubics need too many values for that and go point by point. The
kernels are three-dimensional; for a 2D grid the first axis has a single cell.
"""

from __future__ import annotations

import numba
import numpy as np
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.smoke import advection_lines as lines
from fluidsim.smoke.advection_lines import F32, U32
from fluidsim.smoke.advection_torch import CELLS
from solvers import kernel_cache  # noqa: F401


def trace(velocity: Tensor, back: Tensor, grid: Grid, step: float) -> None:
    """As in advection_torch."""
    _trace(_components(velocity), _components(back), *_shape(grid), F32(step))


def carry(field: Tensor, back: Tensor, out: Tensor, axis: int, grid: Grid) -> None:
    """As in advection_torch."""
    _carry(_flat(field), _components(back), _flat(out), axis + 3 - grid.dim, *_shape(grid))


def carry_sharply(field: Tensor, back: Tensor, out: Tensor, axis: int, grid: Grid) -> None:
    """As in advection_torch."""
    _carry_sharply(_flat(field), _components(back), _flat(out), axis + 3 - grid.dim, *_shape(grid))


def _flat(field: Tensor) -> np.ndarray:
    return field.view(-1).numpy()


def _components(field: Tensor) -> np.ndarray:
    return field.view(len(field), -1).numpy()


def _shape(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Shape and strides of three axes."""
    missing = 3 - grid.dim
    return np.array((1,) * missing + grid.shape), np.array((0,) * missing + grid.strides)


@numba.njit(cache=True, parallel=True)
def _trace(velocity, back, shape, strides, step):
    n, missing = shape[2], 3 - len(velocity)
    for row in numba.prange(shape[0] * shape[1]):
        x, part = np.empty((3, n), F32), np.empty((3, n), F32)
        base, values, flow = np.empty(n, U32), np.empty((8, n), F32), np.empty(n, F32)
        a, b = row // shape[1], row % shape[1]
        start = a * strides[0] + b * strides[1]
        lines.set_centres(x, a, b, CELLS)
        for k in range(missing, 3):
            faces, above = velocity[k - missing], start + strides[k]
            lines.set_way(faces[start : start + n], faces[above : above + n], step, x[k])
        for k in range(missing, 3):
            steps = lines.locate(x, k, shape, strides, base, part)
            lines.collect(velocity[k - missing], base, steps, values)
            lines.interpolate(values, part, flow)
            lines.set_traces(flow, step, back[k - missing, start : start + n])


@numba.njit(cache=True, parallel=True)
def _carry(field, back, out, axis, shape, strides):
    n = shape[2] + (axis == 2)
    across = shape[1] + (axis == 1)
    for row in numba.prange((shape[0] + (axis == 0)) * across):
        x, part = np.empty((3, n), F32), np.empty((3, n), F32)
        base, values = np.empty(n, U32), np.empty((8, n), F32)
        a, b = row // across, row % across
        start = a * strides[0] + b * strides[1]
        lines.set_ends(x, a, b, back, axis, shape, strides)
        steps = lines.locate(x, axis, shape, strides, base, part)
        lines.collect(field, base, steps, values)
        lines.interpolate(values, part, out[start : start + n])


@numba.njit(cache=True, parallel=True)
def _carry_sharply(field, back, out, axis, shape, strides):
    n = shape[2] + (axis == 2)
    across = shape[1] + (axis == 1)
    for row in numba.prange((shape[0] + (axis == 0)) * across):
        x, part = np.empty((3, n), F32), np.empty((3, n), F32)
        base = np.empty(n, U32)
        a, b = row // across, row % across
        start = a * strides[0] + b * strides[1]
        lines.set_ends(x, a, b, back, axis, shape, strides)
        steps = lines.locate(x, axis, shape, strides, base, part)
        lines.sharpen(field, base, steps, x, part, axis, shape, out[start : start + n])
