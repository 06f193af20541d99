"""The steps of advection (see advection_torch.py) as CPU kernels, row by row along the last axis.

What a row needs is gathered into a small table, a line for each value, so that the arithmetic runs
over lines and uses all lanes of the processor. The kernels are three-dimensional; a grid of two
axes has a first one of a single cell before them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from torch import Tensor

from fluidsim import advection_lines as lines
from fluidsim.advection_lines import F32, U32
from fluidsim.advection_torch import CELLS, Rims
from fluidsim.grid import Grid


def trace(velocity: Tensor, back: Tensor, forth: Tensor, grid: Grid, step: float) -> None:
    """As in advection_torch."""
    shape, strides = _shape(grid)
    _trace(_components(velocity), _components(back), _components(forth), shape, strides, F32(step))


def predict(
    field: Tensor, back: Tensor, made: Sequence[Tensor], axis: int, rims: Rims, grid: Grid
) -> None:
    """As in advection_torch."""
    shape, strides = _shape(grid)
    predicted, lowest, highest = (_flat(values) for values in made)
    _predict(
        _flat(field), _components(back), predicted, lowest, highest, _lifted(axis, grid),
        _table(rims), shape, strides,
    )  # fmt: skip


def correct(
    field: Tensor, forth: Tensor, made: Sequence[Tensor], out: Tensor, axis: int, rims: Rims,
    grid: Grid,
) -> None:  # fmt: skip
    """As in advection_torch."""
    shape, strides = _shape(grid)
    predicted, lowest, highest = (_flat(values) for values in made)
    _correct(
        _flat(field), _components(forth), predicted, lowest, highest, _flat(out),
        _lifted(axis, grid), _table(rims), shape, strides,
    )  # fmt: skip


def carry_sharply(field: Tensor, back: Tensor, out: Tensor, rims: Rims, grid: Grid) -> None:
    """As in advection_torch."""
    shape, strides = _shape(grid)
    _carry_sharply(_flat(field), _components(back), _flat(out), _table(rims), shape, strides)


def _flat(field: Tensor) -> np.ndarray:
    return field.view(-1).numpy()


def _components(field: Tensor) -> np.ndarray:
    return field.view(len(field), -1).numpy()


def _shape(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Shape and strides of three axes."""
    missing = 3 - grid.dim
    return np.array((1,) * missing + grid.shape), np.array((0,) * missing + grid.strides)


def _lifted(axis: int, grid: Grid) -> int:
    return CELLS if axis == CELLS else axis + 3 - grid.dim


def _table(rims: Rims) -> np.ndarray:
    return np.array(rims, dtype=F32)


@numba.njit(cache=True, parallel=True)
def _trace(velocity, back, forth, shape, strides, step):
    n, missing = shape[2], 3 - len(velocity)
    for row in numba.prange(shape[0] * shape[1]):
        here, x, part = np.empty((3, n), F32), np.empty((3, n), F32), np.empty((3, n), F32)
        base, values, flow = np.empty(n, U32), np.empty((8, n), F32), np.empty(n, F32)
        a, b = row // shape[1], row % shape[1]
        start = a * strides[0] + b * strides[1]
        lines.set_centres(x, a, b, CELLS)
        for k in range(missing, 3):
            faces, above = velocity[k - missing], start + strides[k]
            lines.set_way(faces[start : start + n], faces[above : above + n], step, here[k], x[k])
        for k in range(missing, 3):
            steps = lines.locate(x, k, shape, strides, base, part)
            lines.collect(velocity[k - missing], base, steps, values)
            lines.interpolate(values, part, flow)
            lines.set_traces(
                flow, here[k], step, back[k - missing, start : start + n],
                forth[k - missing, start : start + n],
            )  # fmt: skip


@numba.njit(cache=True, parallel=True)
def _predict(field, back, predicted, lowest, highest, axis, rims, shape, strides):
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
        if axis == CELLS:
            for k in range(rims.shape[1]):
                for corner in range(8):
                    lines.fade(values[corner], x[k - rims.shape[1]], rims[0, k], rims[1, k])
        points = slice(start, start + n)
        lines.extremes(values, lowest[points], highest[points])
        lines.interpolate(values, part, predicted[points])


@numba.njit(cache=True, parallel=True)
def _correct(field, forth, predicted, lowest, highest, out, axis, rims, shape, strides):
    n = shape[2] + (axis == 2)
    across = shape[1] + (axis == 1)
    for row in numba.prange((shape[0] + (axis == 0)) * across):
        a, b = row // across, row % across
        start = a * strides[0] + b * strides[1]
        points = slice(start, start + n)
        lines.copy(predicted[points], out[points])
        if lines.differ(lowest[points], highest[points]):
            x, part = np.empty((3, n), F32), np.empty((3, n), F32)
            base, values, returned = np.empty(n, U32), np.empty((8, n), F32), np.empty(n, F32)
            lines.set_ends(x, a, b, forth, axis, shape, strides)
            steps = lines.locate(x, axis, shape, strides, base, part)
            lines.collect(predicted, base, steps, values)
            lines.interpolate(values, part, returned)
            lines.subtract(field[points], returned)
            if axis == CELLS:
                for k in range(rims.shape[1]):
                    lines.clear_beyond(returned, x[k - rims.shape[1]], rims[0, k], rims[1, k])
            lines.add_half(returned, lowest[points], highest[points], out[points])


@numba.njit(cache=True, parallel=True)
def _carry_sharply(field, back, out, rims, shape, strides):
    n = shape[2]
    for row in numba.prange(shape[0] * shape[1]):
        x, part = np.empty((3, n), F32), np.empty((3, n), F32)
        base, values = np.empty(n, U32), np.empty((8, n), F32)
        low, high = np.empty(n, F32), np.empty(n, F32)
        a, b = row // shape[1], row % shape[1]
        start = a * strides[0] + b * strides[1]
        lines.set_ends(x, a, b, back, CELLS, shape, strides)
        steps = lines.locate(x, CELLS, shape, strides, base, part)
        lines.collect(field, base, steps, values)
        lines.extremes(values, low, high)
        result = out[start : start + n]
        lines.copy(low, result)
        if lines.differ(low, high):
            lines.interpolate_cubic(field, base, steps, x, part, shape, values[0])
            lines.clip(values[0], low, high, result)
        for k in range(rims.shape[1]):
            lines.fade(result, x[k - rims.shape[1]], rims[0, k], rims[1, k])
