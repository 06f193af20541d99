# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""The deep liquid, which the grid carries: Taichi kernels for 2D and 3D.

See interpolation.py for units and layouts.
"""

import functools
from typing import NamedTuple

import taichi as ti

from fluidsim.grid.interpolation import functions
from fluidsim.grid.scheduling import Schedule, dealt_item, loop_length
from fluidsim.grid.taichi_rows import row_functions
from fluidsim.grid.taichi_types import F32, I8, Kernel, VectorType


class BandKernels(NamedTuple):
    """carry: takes the deep cells along a flow. trace: finds where the liquid in cells was. advect:
    takes the velocity of faces along."""

    ivec: VectorType
    carry: Kernel
    trace: Kernel
    advect: Kernel


@functools.cache
def kernels(dim: int, schedule: Schedule) -> BandKernels:
    """The kernels for `dim` dimensions."""
    own = functions(dim)
    vec, ivec, keep_inside = own.vec, own.ivec, own.keep_inside
    cell_of, corners, gather = own.cell_of, own.corners, own.gather_single
    row_count, row_start = row_functions(dim)

    @ti.kernel
    def carry(deep: I8, faces: F32, result: I8, shape: ivec, strides: ivec, nodes: ti.i32,
              step: ti.f32):  # fmt: skip
        """result: 1 in cells whose centres come from deep cells, else 0."""
        rows = row_count(shape)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, shape)
            for z in range(shape[dim - 1]):
                at[dim - 1] = z
                i = at.dot(strides)
                here = vec(0.0)
                for k in ti.static(range(dim)):
                    j = k * nodes + i
                    here[k] = 0.5 * (faces[2 * j] + faces[2 * (j + strides[k])])
                origin = keep_inside(ti.cast(at, ti.f32) + 0.5 - step * here, shape)
                result[i] = ti.cast(deep[cell_of(origin, strides)] > 0, ti.i8)

    @ti.kernel
    def trace(velocity: F32, marks: I8, back: F32, shape: ivec, strides: ivec, nodes: ti.i32,
              step: ti.f32):  # fmt: skip
        """back: the way, in cells, from marked cells to where their liquid was a step ago, by the
        midpoint rule."""
        rows = row_count(shape)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, shape)
            for z in range(shape[dim - 1]):
                at[dim - 1] = z
                i = at.dot(strides)
                if marks[i] == 0:
                    continue
                here = vec(0.0)
                for k in ti.static(range(dim)):
                    j = k * nodes + i
                    here[k] = 0.5 * (velocity[j] + velocity[j + strides[k]])
                middle = ti.cast(at, ti.f32) + 0.5 - 0.5 * step * here
                middle = keep_inside(middle, shape)
                halfway, _ = gather(velocity, middle, shape, strides, nodes, False)
                for k in ti.static(range(dim)):
                    back[k * nodes + i] = -step * halfway[k]

    @ti.kernel
    def advect(old: F32, marks: I8, back: F32, sums: F32, new: F32, copy: F32, shape: ivec,
               strides: ivec, nodes: ti.i32):  # fmt: skip
        """new, copy: on faces of cells with mark 2 the old velocity from where the `back` of their
        cells leads. sums: of particles, a weight of 1 there."""
        stored = shape + 1
        rows = row_count(stored)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, stored)
            for z in range(shape[dim - 1] + 1):
                at[dim - 1] = z
                i = at.dot(strides)
                for a in range(dim):
                    stride, along = 0, 0
                    for k in ti.static(range(dim)):
                        if k == a:
                            stride, along = strides[k], at[k]
                    lower = i - stride if along > 0 else i
                    if marks[i] == 2 or marks[lower] == 2:
                        upper = i if marks[i] > 0 else lower
                        x = ti.cast(at, ti.f32)
                        for k in ti.static(range(dim)):
                            j = k * nodes
                            x[k] += 0.5 * (back[j + lower] + back[j + upper])
                        face = a * nodes + i
                        value = sharp(old, a, x, shape, strides, nodes)
                        new[face] = value
                        copy[face] = value
                        sums[2 * face + 1] = 1.0

    @ti.func
    def sharp(velocity: ti.template(), a: ti.i32, x: ti.template(), shape: ti.template(),
              strides: ti.template(), nodes: ti.i32):  # fmt: skip
        """Component `a` of the velocity, linear between the points around x but for cubics along
        the nearest line of each axis, within the range of the points that it reads.

        x: of face coordinates, 0 at the first point of each axis.
        """
        base, part = ivec(0), vec(0.0)
        first, nearest = a * nodes, a * nodes
        for k in ti.static(range(dim)):
            points = shape[k] + (1 if k == a else 0)
            place = ti.max(0.0, ti.min(x[k], ti.cast(points - 1, ti.f32)))
            base[k] = ti.min(ti.cast(place, ti.i32), points - 2)
            part[k] = place - base[k]
            first += base[k] * strides[k]
            nearest += (base[k] + (1 if part[k] > 0.5 else 0)) * strides[k]
        total, low, high = 0.0, velocity[first], velocity[first]
        for corner in ti.static(corners):
            weight = 1.0
            i = first
            for k in ti.static(range(dim)):
                weight *= part[k] if ti.static(corner[k] == 1) else 1.0 - part[k]
                if ti.static(corner[k] == 1):
                    i += strides[k]
            value = velocity[i]
            total += weight * value
            low = ti.min(low, value)
            high = ti.max(high, value)
        for k in ti.static(range(dim)):
            points = shape[k] + (1 if k == a else 0)
            t = part[k]
            lower = nearest - (strides[k] if t > 0.5 else 0)
            here, there = velocity[lower], velocity[lower + strides[k]]
            # At the rim, where a point is missing, the second difference is that of the other end.
            before, after = 0.0, 0.0
            if base[k] > 0:
                before = velocity[lower - strides[k]] - 2.0 * here + there
            if base[k] + 2 < points:
                after = here - 2.0 * there + velocity[lower + 2 * strides[k]]
            if base[k] == 0:
                before = after
            if base[k] + 2 >= points:
                after = before
            total -= t * (1.0 - t) / 6.0 * ((2.0 - t) * before + (1.0 + t) * after)
            ends = ti.Vector([before - there + 2.0 * here, after - here + 2.0 * there])
            low = ti.min(low, ends[0], ends[1])
            high = ti.max(high, ends[0], ends[1])
        return ti.max(low, ti.min(high, total))

    return BandKernels(ivec, carry, trace, advect)
