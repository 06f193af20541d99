# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""The kernels of advection: traces along the flow, and interpolation at their ends.

Positions are in cells, fields flat over the nodes (see grid.py). Kernels work on the faces normal
to an axis, or on the cells.
"""

import functools
import itertools
from types import SimpleNamespace
from typing import Any

import taichi as ti

from fluidsim.rows import row_functions
from fluidsim.scheduling import Schedule, dealt_item, loop_length

F32: Any = ti.types.ndarray(dtype=ti.f32, ndim=1)
CELLS = -1  # in place of the axis of faces


@functools.cache
def kernels(dim: int, schedule: Schedule) -> SimpleNamespace:
    corners = list(itertools.product(*[(0, 1)] * dim))
    outers = list(itertools.product(range(4), repeat=dim - 1))
    count = len(corners)
    vec: Any = ti.types.vector(dim, ti.f32)
    ivec: Any = ti.types.vector(dim, ti.i32)
    row_count, row_start = row_functions(dim)
    corner_vec: Any = ti.types.vector(count, ti.f32)

    @ti.func
    def around(field: ti.template(), base: ti.i32, steps: ti.template()):
        """Values at the corners of a box of the grid, the last axis counting fastest."""
        values = corner_vec(0.0)
        for c in ti.static(range(count)):
            i = base
            for k in ti.static(range(dim)):
                if ti.static(corners[c][k] == 1):
                    i += steps[k]
            values[c] = field[i]
        return values

    @ti.func
    def extremes(values: ti.template()):
        least = values[0]
        most = values[0]
        for c in ti.static(range(1, count)):
            least = ti.select(values[c] < least, values[c], least)
            most = ti.select(values[c] > most, values[c], most)
        return least, most

    @ti.func
    def between(corner: ti.template(), part: ti.template()):
        """Multilinear, `part` of the way along each axis."""
        values = corner
        for k in ti.static(range(dim)):
            half = ti.static(count >> (k + 1))
            for c in ti.static(range(half)):
                values[c] += part[k] * (values[c + half] - values[c])
        return values[0]

    @ti.func
    def flow(velocity: ti.template(), x: ti.template(), shape: ti.template(),
             strides: ti.template(), nodes: ti.i32):  # fmt: skip
        top = ti.cast(shape, ti.f32)
        inside = ti.max(0.0, ti.min(x, top))
        across = ti.min(ti.cast(inside, ti.i32), shape - 1)
        shifted = ti.max(0.0, ti.min(x - 0.5, top - 1.0))
        along = ti.cast(shifted, ti.i32)
        result = vec(0.0)
        for a in ti.static(range(dim)):
            base = a * nodes
            part = shifted - along
            part[a] = inside[a] - across[a]
            for k in ti.static(range(dim)):
                base += (across[k] if ti.static(k == a) else along[k]) * strides[k]
            result[a] = between(around(velocity, base, strides), part)
        return result

    @ti.func
    def displacement(field: ti.template(), i: ti.i32, at: ti.template(), axis: ti.template(),
                     shape: ti.template(), strides: ti.template()):  # fmt: skip
        """Of a cell, or the mean over the cells of a face."""
        result = vec(0.0)
        if ti.static(axis == CELLS):
            for k in ti.static(range(dim)):
                result[k] = field[i * dim + k]
        else:
            lower = i - strides[axis] * ti.min(at[axis], 1)
            upper = i - strides[axis] * ti.max(at[axis] - shape[axis] + 1, 0)
            for k in ti.static(range(dim)):
                result[k] = 0.5 * (field[lower * dim + k] + field[upper * dim + k])
        return result

    @ti.func
    def is_beyond(x: ti.template(), low: ti.template(), high: ti.template()):
        result = 0
        for k in ti.static(range(dim)):
            result |= ti.cast(x[k] < low[k], ti.i32) | ti.cast(x[k] > high[k], ti.i32)
        return result

    @ti.func
    def share_inside(x: ti.template(), low: ti.template(), high: ti.template()):
        """0 from half a cell beyond the rims on, 1 from the first centres on, linear between."""
        share = 1.0
        for k in ti.static(range(dim)):
            share *= ti.max(0.0, ti.min(1.0, ti.min(x[k] - low[k], high[k] - x[k]) + 0.5))
        return share

    @ti.func
    def centre(at: ti.template(), axis: ti.template()):
        """Of the face normal to an axis with this index, or of the cell."""
        x = ti.cast(at, ti.f32)
        for k in ti.static(range(dim)):
            if ti.static(k != axis):
                x[k] += 0.5
        return x

    @ti.func
    def place(x: ti.template(), axis: ti.template(), shape: ti.template(),
              strides: ti.template()):  # fmt: skip
        """Lowest of the points around x, the way from it along each axis, steps to the others."""
        base = 0
        part = vec(0.0)
        steps = ivec(0)
        for k in ti.static(range(dim)):
            top = shape[k] if ti.static(k == axis) else shape[k] - 1
            here = x[k] if ti.static(k == axis) else x[k] - 0.5
            inside = ti.max(0.0, ti.min(here, ti.cast(top, ti.f32)))
            lower = ti.min(ti.cast(inside, ti.i32), ti.max(top - 1, 0))
            base += lower * strides[k]
            part[k] = inside - lower
            steps[k] = strides[k] * ti.min(top, 1)
        return base, part, steps

    @ti.func
    def cubic(field: ti.template(), base: ti.i32, x: ti.template(), part: ti.template(),
              shape: ti.template(), strides: ti.template()):  # fmt: skip
        """Catmull-Rom along each axis, for cells; at a rim the outermost value goes on."""
        weights = ti.Matrix.zero(ti.f32, dim, 4)
        steps = ti.Matrix.zero(ti.i32, dim, 4)
        for k in ti.static(range(dim)):
            p = part[k]
            weights[k, 0] = p * (-0.5 + p * (1.0 - 0.5 * p))
            weights[k, 1] = 1.0 + p * p * (-2.5 + 1.5 * p)
            weights[k, 2] = p * (0.5 + p * (2.0 - 1.5 * p))
            weights[k, 3] = p * p * (-0.5 + 0.5 * p)
            one = strides[k] * ti.min(shape[k] - 1, 1)
            steps[k, 0] = -one if x[k] >= 1.5 else 0
            steps[k, 2] = one
            steps[k, 3] = one + (one if x[k] < shape[k] - 1.5 else 0)
        total = 0.0
        for outer in ti.static(outers):
            i = base
            weight = 1.0
            for k in ti.static(range(dim - 1)):
                i += steps[k, outer[k]]
                weight *= weights[k, outer[k]]
            row = 0.0
            for q in ti.static(range(4)):
                row += weights[dim - 1, q] * field[i + steps[dim - 1, q]]
            total += weight * row
        return total

    @ti.kernel
    def trace(velocity: F32, back: F32, forth: F32, shape: ivec, strides: ivec, nodes: ti.i32,
              step: ti.f32):  # fmt: skip
        """Displacements in the cells, back and forth along the flow."""
        rows = row_count(shape)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, shape)
            first = at.dot(strides)
            for z in range(shape[dim - 1]):
                i = first + z
                at[dim - 1] = z
                here = vec(0.0)
                for k in ti.static(range(dim)):
                    j = k * nodes + i
                    here[k] = 0.5 * step * (velocity[j] + velocity[j + strides[k]])
                there = step * flow(velocity, at + 0.5 - 0.5 * here, shape, strides, nodes)
                for k in ti.static(range(dim)):
                    back[i * dim + k] = -there[k]
                    forth[i * dim + k] = 2.0 * here[k] - there[k]

    @ti.kernel
    def predict(field: F32, back: F32, predicted: F32, lowest: F32, highest: F32,
                components: ti.i32, axis: ti.template(), shape: ivec, strides: ivec, low: vec,
                high: vec, nodes: ti.i32):  # fmt: skip
        """Semi-Lagrangian step, and the range of the values it was made of."""
        extent = shape
        if ti.static(axis != CELLS):
            extent[axis] += 1
        rows = row_count(extent)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, extent)
            first = at.dot(strides)
            for z in range(extent[dim - 1]):
                i = first + z
                at[dim - 1] = z
                x = centre(at, axis) + displacement(back, i, at, axis, shape, strides)
                share = share_inside(x, low, high) if ti.static(axis == CELLS) else 1.0
                base, part, steps = place(x, axis, shape, strides)
                for c in range(components):
                    j = c * nodes + i
                    values = share * around(field, c * nodes + base, steps)
                    predicted[j] = between(values, part)
                    lowest[j], highest[j] = extremes(values)

    @ti.kernel
    def correct(field: F32, forth: F32, predicted: F32, lowest: F32, highest: F32, result: F32,
                components: ti.i32, axis: ti.template(), shape: ivec, strides: ivec, low: vec,
                high: vec, nodes: ti.i32):  # fmt: skip
        """Half of the error of going there and back is taken off, within the range."""
        extent = shape
        if ti.static(axis != CELLS):
            extent[axis] += 1
        rows = row_count(extent)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, extent)
            first = at.dot(strides)
            for z in range(extent[dim - 1]):
                i = first + z
                at[dim - 1] = z
                x = centre(at, axis) + displacement(forth, i, at, axis, shape, strides)
                share = 0.5
                if ti.static(axis == CELLS):
                    if is_beyond(x, low, high) == 1:
                        share = 0.0
                base, part, steps = place(x, axis, shape, strides)
                for c in range(components):
                    j = c * nodes + i
                    value = predicted[j]
                    if lowest[j] < highest[j]:
                        returned = between(around(predicted, c * nodes + base, steps), part)
                        value += share * (field[j] - returned)
                        value = ti.max(lowest[j], ti.min(value, highest[j]))
                    result[j] = value

    @ti.kernel
    def carry_sharply(field: F32, back: F32, result: F32, components: ti.i32,
                      shape: ivec, strides: ivec, low: vec, high: vec, nodes: ti.i32):  # fmt: skip
        """Cubic interpolation in cells, within the range of the values around."""
        rows = row_count(shape)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, shape)
            first = at.dot(strides)
            for z in range(shape[dim - 1]):
                i = first + z
                at[dim - 1] = z
                x = centre(at, CELLS) + displacement(back, i, at, CELLS, shape, strides)
                share = share_inside(x, low, high)
                base, part, steps = place(x, CELLS, shape, strides)
                for c in range(components):
                    least, most = extremes(around(field, c * nodes + base, steps))
                    value = least
                    if least < most:
                        value = cubic(field, c * nodes + base, x, part, shape, strides)
                        value = ti.max(least, ti.min(value, most))
                    result[c * nodes + i] = share * value

    return SimpleNamespace(
        ivec=ivec, vec=vec, trace=trace, predict=predict, correct=correct,
        carry_sharply=carry_sharply,
    )  # fmt: skip
