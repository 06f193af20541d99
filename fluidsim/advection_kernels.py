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

from fluidsim.advection_torch import CELLS, Rims
from fluidsim.grid import Grid

F32, I32, U32 = np.float32, np.int32, np.uint32
HALF, ONE, TWO = F32(0.5), F32(1.0), F32(2.0)
# Values in the order of comparisons: NaN comes through the sums, not through minima.
FASTMATH = {"nnan", "nsz", "contract"}


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
        _set_centres(x, a, b, CELLS)
        for k in range(missing, 3):
            faces, above = velocity[k - missing], start + strides[k]
            _set_way(faces[start : start + n], faces[above : above + n], step, here[k], x[k])
        for k in range(missing, 3):
            steps = _locate(x, k, shape, strides, base, part)
            _collect(velocity[k - missing], base, steps, values)
            _interpolate(values, part, flow)
            _set_traces(
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
        _set_ends(x, a, b, back, axis, shape, strides)
        steps = _locate(x, axis, shape, strides, base, part)
        _collect(field, base, steps, values)
        if axis == CELLS:
            for k in range(rims.shape[1]):
                for corner in range(8):
                    _fade(values[corner], x[k - rims.shape[1]], rims[0, k], rims[1, k])
        points = slice(start, start + n)
        _extremes(values, lowest[points], highest[points])
        _interpolate(values, part, predicted[points])


@numba.njit(cache=True, parallel=True)
def _correct(field, forth, predicted, lowest, highest, out, axis, rims, shape, strides):
    n = shape[2] + (axis == 2)
    across = shape[1] + (axis == 1)
    for row in numba.prange((shape[0] + (axis == 0)) * across):
        a, b = row // across, row % across
        start = a * strides[0] + b * strides[1]
        points = slice(start, start + n)
        _copy(predicted[points], out[points])
        if _differ(lowest[points], highest[points]):
            x, part = np.empty((3, n), F32), np.empty((3, n), F32)
            base, values, returned = np.empty(n, U32), np.empty((8, n), F32), np.empty(n, F32)
            _set_ends(x, a, b, forth, axis, shape, strides)
            steps = _locate(x, axis, shape, strides, base, part)
            _collect(predicted, base, steps, values)
            _interpolate(values, part, returned)
            _subtract(field[points], returned)
            if axis == CELLS:
                for k in range(rims.shape[1]):
                    _clear_beyond(returned, x[k - rims.shape[1]], rims[0, k], rims[1, k])
            _add_half(returned, lowest[points], highest[points], out[points])


@numba.njit(cache=True, parallel=True)
def _carry_sharply(field, back, out, rims, shape, strides):
    n = shape[2]
    for row in numba.prange(shape[0] * shape[1]):
        x, part = np.empty((3, n), F32), np.empty((3, n), F32)
        base, values = np.empty(n, U32), np.empty((8, n), F32)
        low, high = np.empty(n, F32), np.empty(n, F32)
        a, b = row // shape[1], row % shape[1]
        start = a * strides[0] + b * strides[1]
        _set_ends(x, a, b, back, CELLS, shape, strides)
        steps = _locate(x, CELLS, shape, strides, base, part)
        _collect(field, base, steps, values)
        _extremes(values, low, high)
        result = out[start : start + n]
        _copy(low, result)
        if _differ(low, high):
            _interpolate_cubic(field, base, steps, x, part, shape, values[0])
            _clip(values[0], low, high, result)
        for k in range(rims.shape[1]):
            _fade(result, x[k - rims.shape[1]], rims[0, k], rims[1, k])


@numba.njit(cache=True)
def _set_centres(x, a, b, axis):
    first = F32(a) + (F32(0.0) if axis == 0 else HALF)
    second = F32(b) + (F32(0.0) if axis == 1 else HALF)
    third = F32(0.0) if axis == 2 else HALF
    for i in range(x.shape[1]):
        x[0, i] = first
        x[1, i] = second
        x[2, i] = F32(i) + third


@numba.njit(cache=True)
def _set_ends(x, a, b, moved, axis, shape, strides):
    """Centres of a row of points and the way they move: faces by the mean of their cells."""
    n = x.shape[1]
    start = a * strides[0] + b * strides[1]
    _set_centres(x, a, b, axis)
    for component in range(len(moved)):
        line, way = x[component - len(moved)], moved[component]
        if axis == CELLS:
            _add_scaled(line, way[start : start + n], ONE)
        elif axis < 2:
            at = a if axis == 0 else b
            lower = start - strides[axis] * min(at, 1)
            upper = start - strides[axis] * max(at - shape[axis] + 1, 0)
            _add_scaled(line, way[lower : lower + n], HALF)
            _add_scaled(line, way[upper : upper + n], HALF)
        else:
            cells = way[start : start + n - 1]
            _add_scaled(line[1:], cells, HALF)
            _add_scaled(line[:-1], cells, HALF)
            line[0] += HALF * cells[0]
            line[n - 1] += HALF * cells[n - 2]


@numba.njit(cache=True)
def _add_scaled(line, other, factor):
    for i in range(len(line)):
        line[i] += factor * other[i]


@numba.njit(cache=True)
def _copy(line, out):
    for i in range(len(line)):
        out[i] = line[i]


@numba.njit(cache=True)
def _subtract(line, out):
    for i in range(len(line)):
        out[i] = line[i] - out[i]


@numba.njit(cache=True)
def _set_way(below, above, step, way, middle):
    for i in range(len(way)):
        way[i] = HALF * step * (below[i] + above[i])
        middle[i] -= HALF * way[i]


@numba.njit(cache=True)
def _set_traces(flow, way, step, back, forth):
    for i in range(len(flow)):
        there = step * flow[i]
        back[i] = -there
        forth[i] = TWO * way[i] - there


@numba.njit(cache=True)
def _locate(x, axis, shape, strides, base, part):
    """Fill in the lowest of the points around x and the way from it; steps to the others."""
    steps = np.empty(3, U32)
    for i in range(len(base)):
        base[i] = 0
    for k in range(3):
        top = shape[k] if k == axis else shape[k] - 1
        steps[k] = strides[k] * min(top, 1)
        shift = F32(0.0) if k == axis else HALF
        _locate_on(x[k], shift, F32(top), I32(max(top - 1, 0)), I32(strides[k]), base, part[k])
    return steps


@numba.njit(cache=True)
def _locate_on(x, shift, top, last, stride, base, part):
    for i in range(len(x)):
        here = min(max(x[i] - shift, F32(0.0)), top)
        lower = min(I32(here), last)
        base[i] += U32(lower * stride)
        part[i] = here - F32(lower)


@numba.njit(cache=True)
def _collect(field, base, steps, values):
    """Values at the corners, the last axis counting fastest."""
    for corner in range(8):
        offset = steps[0] * (corner >> 2) + steps[1] * (corner >> 1 & 1) + steps[2] * (corner & 1)
        _gather(field, base, U32(offset), values[corner])


@numba.njit(cache=True)
def _gather(field, base, offset, line):
    for i in range(len(line)):
        line[i] = field[U32(base[i] + offset)]


@numba.njit(cache=True)
def _interpolate(values, part, out):
    """Multilinear."""
    for i in range(len(out)):
        p, q, r = part[0, i], part[1, i], part[2, i]
        a = values[0, i] + p * (values[4, i] - values[0, i])
        b = values[1, i] + p * (values[5, i] - values[1, i])
        c = values[2, i] + p * (values[6, i] - values[2, i])
        d = values[3, i] + p * (values[7, i] - values[3, i])
        a += q * (c - a)
        b += q * (d - b)
        out[i] = a + r * (b - a)


@numba.njit(cache=True, fastmath=FASTMATH)
def _extremes(values, low, high):
    for i in range(len(low)):
        least = values[0, i]
        most = least
        for corner in range(1, 8):
            least = min(least, values[corner, i])
            most = max(most, values[corner, i])
        low[i] = least
        high[i] = most


@numba.njit(cache=True)
def _differ(low, high):
    differ = False
    for i in range(len(low)):
        differ |= low[i] != high[i]
    return differ


@numba.njit(cache=True)
def _fade(line, x, low, high):
    """0 from half a cell beyond the rims on, 1 from the first centres on, linear between."""
    for i in range(len(line)):
        inside = min(x[i] - low, high - x[i]) + HALF
        line[i] *= max(F32(0.0), min(ONE, inside))


@numba.njit(cache=True)
def _clear_beyond(line, x, low, high):
    for i in range(len(line)):
        line[i] = F32(0.0) if x[i] < low or x[i] > high else line[i]


@numba.njit(cache=True, fastmath=FASTMATH)
def _add_half(change, low, high, out):
    for i in range(len(out)):
        out[i] = max(low[i], min(out[i] + HALF * change[i], high[i]))


@numba.njit(cache=True, fastmath=FASTMATH)
def _clip(line, low, high, out):
    for i in range(len(out)):
        out[i] = max(low[i], min(line[i], high[i]))


@numba.njit(cache=True)
def _interpolate_cubic(field, base, steps, x, part, shape, result):
    """Catmull-Rom along each axis, for cells; at a rim the outermost value goes on."""
    n = len(result)
    weights, offsets = np.empty((3, 4, n), F32), np.empty((3, 4, n), U32)
    for k in range(3):
        _set_taps(x[k], part[k], I32(steps[k]), F32(shape[k] - 1.5), weights[k], offsets[k])
    for i in range(n):
        result[i] = F32(0.0)
    for a in range(4 if shape[0] > 1 else 1):
        for b in range(4):
            tap = a if shape[0] > 1 else 1
            _add_row(
                field, base, offsets[0, tap], offsets[1, b], offsets[2], weights[0, tap],
                weights[1, b], weights[2], result,
            )  # fmt: skip


@numba.njit(cache=True)
def _add_row(field, base, first, second, third, weight, factor, weights, result):
    for i in range(len(result)):
        j = base[i] + first[i] + second[i]
        row = weights[0, i] * field[U32(j + third[0, i])]
        row += weights[1, i] * field[U32(j)]
        row += weights[2, i] * field[U32(j + third[2, i])]
        row += weights[3, i] * field[U32(j + third[3, i])]
        result[i] += weight[i] * factor[i] * row


@numba.njit(cache=True)
def _set_taps(x, part, step, last, weights, offsets):
    for i in range(len(x)):
        p = part[i]
        weights[0, i] = p * (p * (ONE - HALF * p) - HALF)
        weights[1, i] = ONE + p * p * (F32(1.5) * p - F32(2.5))
        weights[2, i] = p * (HALF + p * (TWO - F32(1.5) * p))
        weights[3, i] = p * p * (HALF * p - HALF)
        offsets[0, i] = U32(-step if x[i] >= F32(1.5) else 0)
        offsets[1, i] = 0
        offsets[2, i] = U32(step)
        offsets[3, i] = U32(2 * step if x[i] < last else step)
