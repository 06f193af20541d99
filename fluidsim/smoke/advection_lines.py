"""Operations of the advection kernels on lines: n values along the last axis.

x: (3, n) float32, positions in cells. base: (n,) uint32, flat index of the lowest of the points
around each position. part: (3, n) float32, the way from there to it. values: (8, n) float32, at the
points around. weights: (3, 4, n) float32, of the points before, at, after and beyond on each axis.
ends: (3, 2, n) uint32, steps from the lowest point to those before and beyond.
"""

from __future__ import annotations

import numba
import numpy as np

from fluidsim.smoke.advection_torch import CELLS
from solvers import kernel_cache  # noqa: F401

F32, I32, U32 = np.float32, np.int32, np.uint32
HALF, ONE, TWO = F32(0.5), F32(1.0), F32(2.0)


@numba.njit(cache=True)
def set_centres(x, a, b, axis):
    first = F32(a) + (F32(0.0) if axis == 0 else HALF)
    second = F32(b) + (F32(0.0) if axis == 1 else HALF)
    third = F32(0.0) if axis == 2 else HALF
    for i in range(x.shape[1]):
        x[0, i] = first
        x[1, i] = second
        x[2, i] = F32(i) + third


@numba.njit(cache=True)
def set_ends(x, a, b, moved, axis, shape, strides):
    """Set x to the ends of the traces of a row of points; faces take the mean of their cells'."""
    n = x.shape[1]
    start = a * strides[0] + b * strides[1]
    set_centres(x, a, b, axis)
    for component in range(len(moved)):
        line, way = x[component - len(moved)], moved[component]
        if axis == CELLS:
            add_scaled(line, way[start : start + n], ONE)
        elif axis < 2:
            at = a if axis == 0 else b
            lower = start - strides[axis] * min(at, 1)
            upper = start - strides[axis] * max(at - shape[axis] + 1, 0)
            add_scaled(line, way[lower : lower + n], HALF)
            add_scaled(line, way[upper : upper + n], HALF)
        else:
            cells = way[start : start + n - 1]
            add_scaled(line[1:], cells, HALF)
            add_scaled(line[:-1], cells, HALF)
            line[0] += HALF * cells[0]
            line[n - 1] += HALF * cells[n - 2]


@numba.njit(cache=True)
def add_scaled(line, other, factor):
    for i in range(len(line)):
        line[i] += factor * other[i]


@numba.njit(cache=True)
def set_way(below, above, step, middle):
    for i in range(len(middle)):
        middle[i] -= HALF * (HALF * step * (below[i] + above[i]))


@numba.njit(cache=True)
def set_traces(flow, step, back):
    for i in range(len(flow)):
        back[i] = -(step * flow[i])


@numba.njit(cache=True)
def locate(x, axis, shape, strides, base, part):
    """Fill in base and part for x; returns the steps to the other points."""
    steps = np.empty(3, U32)
    for i in range(len(base)):
        base[i] = 0
    for k in range(3):
        top = shape[k] if k == axis else shape[k] - 1
        steps[k] = strides[k] * min(top, 1)
        shift = F32(0.0) if k == axis else HALF
        locate_on(x[k], shift, F32(top), I32(max(top - 1, 0)), I32(strides[k]), base, part[k])
    return steps


@numba.njit(cache=True)
def locate_on(x, shift, top, last, stride, base, part):
    for i in range(len(x)):
        here = min(max(x[i] - shift, F32(0.0)), top)
        lower = min(I32(here), last)
        base[i] += U32(lower * stride)
        part[i] = here - F32(lower)


@numba.njit(cache=True)
def collect(field, base, steps, values):
    """Gather the values at the corners; the last axis varies fastest."""
    for corner in range(8):
        offset = steps[0] * (corner >> 2) + steps[1] * (corner >> 1 & 1) + steps[2] * (corner & 1)
        gather(field, base, U32(offset), values[corner])


@numba.njit(cache=True)
def gather(field, base, offset, line):
    for i in range(len(line)):
        line[i] = field[U32(base[i] + offset)]


@numba.njit(cache=True)
def interpolate(values, part, out):
    """Multilinear interpolation."""
    for i in range(len(out)):
        p, q, r = part[0, i], part[1, i], part[2, i]
        a = values[0, i] + p * (values[4, i] - values[0, i])
        b = values[1, i] + p * (values[5, i] - values[1, i])
        c = values[2, i] + p * (values[6, i] - values[2, i])
        d = values[3, i] + p * (values[7, i] - values[3, i])
        a += q * (c - a)
        b += q * (d - b)
        out[i] = a + r * (b - a)


@numba.njit(cache=True)
def sharpen(field, base, steps, x, part, axis, shape, result):
    """Catmull-Rom interpolation along each axis, limited to the range of the corners; the outermost
    values continue beyond the rim."""
    n = len(result)
    weights, ends = np.empty((3, 4, n), F32), np.empty((3, 2, n), U32)
    for k in range(3):
        first, last = F32(np.inf), F32(-np.inf)
        if shape[k] + (k == axis) > 2:
            first = ONE if k == axis else F32(1.5)
            last = F32(shape[k]) - first
        set_taps(x[k], part[k], I32(steps[k]), first, last, weights[k], ends[k])
    add_taps(field, base, steps, weights, ends, result)


@numba.njit(cache=True)
def set_taps(x, part, step, first, last, weights, ends):
    """Set the weights and ends of one axis."""
    for i in range(len(x)):
        p = part[i]
        weights[0, i] = p * (p * (ONE - HALF * p) - HALF)
        weights[1, i] = ONE + p * p * (F32(1.5) * p - F32(2.5))
        weights[2, i] = p * (HALF + p * (TWO - F32(1.5) * p))
        weights[3, i] = p * p * (HALF * p - HALF)
        ends[0, i] = U32(-step if x[i] >= first else 0)
        ends[1, i] = U32(2 * step if x[i] < last else step)


@numba.njit(cache=True)
def add_taps(field, base, steps, weights, ends, result):
    """Interpolate point by point: the 64 values of a point are close together in memory."""
    flat = steps[0] == 0
    for i in range(len(result)):
        here, up, along = base[i], U32(steps[1]), U32(steps[2])
        beside = U32(here + steps[0])
        low, high = field[here], field[here]
        low, high = widened(field, here, along, low, high)
        low, high = widened(field, U32(here + up), along, low, high)
        low, high = widened(field, beside, along, low, high)
        low, high = widened(field, U32(beside + up), along, low, high)
        if low == high:
            result[i] = low
            continue
        total = weights[0, 1, i] * plane(field, here, along, up, weights, ends, i)
        if not flat:
            below, beyond = U32(here + ends[0, 0, i]), U32(here + ends[0, 1, i])
            total += weights[0, 0, i] * plane(field, below, along, up, weights, ends, i)
            total += weights[0, 2, i] * plane(field, beside, along, up, weights, ends, i)
            total += weights[0, 3, i] * plane(field, beyond, along, up, weights, ends, i)
        result[i] = clipped(total, low, high)


@numba.njit(cache=True)
def widened(field, here, along, low, high):
    """The range, widened by two neighbours; comparisons are faster than min and max."""
    one, other = field[here], field[U32(here + along)]
    least, most = (one, other) if one < other else (other, one)
    return least if least < low else low, most if most > high else high


@numba.njit(cache=True)
def plane(field, here, along, up, weights, ends, i):
    below, beyond = U32(here + ends[1, 0, i]), U32(here + ends[1, 1, i])
    total = weights[1, 0, i] * line(field, below, along, weights, ends, i)
    total += weights[1, 1, i] * line(field, here, along, weights, ends, i)
    total += weights[1, 2, i] * line(field, U32(here + up), along, weights, ends, i)
    total += weights[1, 3, i] * line(field, beyond, along, weights, ends, i)
    return total


@numba.njit(cache=True)
def line(field, here, along, weights, ends, i):
    total = weights[2, 0, i] * field[U32(here + ends[2, 0, i])]
    total += weights[2, 1, i] * field[here]
    total += weights[2, 2, i] * field[U32(here + along)]
    total += weights[2, 3, i] * field[U32(here + ends[2, 1, i])]
    return total


@numba.njit(cache=True)
def clipped(value, low, high):
    value = value if value < high else high
    return value if value > low else low
