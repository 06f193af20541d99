# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""The steps of advection (see advection_torch.py) point by point in Taichi, for GPUs.

Fields are flat over the nodes (see grid.py), components one after the other; positions are in
cells.
"""

import functools
import itertools
from typing import Any, NamedTuple

import taichi as ti
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.grid.taichi_types import F32, Kernel


def trace(velocity: Tensor, back: Tensor, grid: Grid, step: float) -> None:
    """As in advection_torch."""
    own = kernels(grid.dim)
    own.trace(velocity.view(-1), back.view(-1), *_shape(grid), grid.node_count, step)


def carry(field: Tensor, back: Tensor, out: Tensor, axis: int, grid: Grid) -> None:
    """As in advection_torch."""
    own = kernels(grid.dim)
    own.carry(field.view(-1), back.view(-1), out.view(-1), axis, *_shape(grid), grid.node_count)


def carry_sharply(field: Tensor, back: Tensor, out: Tensor, axis: int, grid: Grid) -> None:
    """As in advection_torch."""
    carry = kernels(grid.dim).carry_sharply
    carry(field.view(-1), back.view(-1), out.view(-1), axis, *_shape(grid), grid.node_count)


def _shape(grid: Grid) -> tuple[Any, Any]:
    ivec = kernels(grid.dim).ivec
    return ivec(*grid.shape), ivec(*grid.strides)


class AdvectionKernels(NamedTuple):
    """The kernels for a dimension, and the type of its shapes."""

    ivec: Any
    trace: Kernel
    carry: Kernel
    carry_sharply: Kernel


@functools.cache
def kernels(dim: int) -> AdvectionKernels:
    """The kernels for `dim` dimensions."""
    ivec: Any = ti.types.vector(dim, ti.i32)
    vec: Any = ti.types.vector(dim, ti.f32)
    axes = range(dim)
    corners = list(itertools.product(range(2), repeat=dim))
    taps = list(itertools.product(range(4), repeat=dim))

    @ti.func
    def place(index, axis, shape: ti.template()):
        """The point of a component by its number; axis: of its faces, -1 for cells."""
        at, rest = ivec(0), index
        for j in ti.static(axes):
            k = ti.static(dim - 1 - j)
            count = shape[k] + ti.select(k == axis, 1, 0)
            at[k] = rest % count
            rest //= count
        return at

    @ti.func
    def points(axis, shape: ti.template()):
        """How many points a component has."""
        total = 1
        for k in ti.static(axes):
            total *= shape[k] + ti.select(k == axis, 1, 0)
        return total

    @ti.func
    def lattice(x, axis, shape: ti.template(), strides: ti.template()):
        """The lowest point around x, the fraction of the way to the others, and the steps."""
        base, part, steps = 0, vec(0), ivec(0)
        for k in ti.static(axes):
            on_faces = ti.select(k == axis, 1, 0)
            top = shape[k] - 1 + on_faces
            shift = ti.select(k == axis, 0.0, 0.5)
            here = ti.max(0.0, ti.min(x[k] - shift, ti.cast(top, ti.f32)))
            lower = ti.min(ti.cast(here, ti.i32), ti.max(top - 1, 0))
            base += lower * strides[k]
            part[k] = here - lower
            steps[k] = strides[k] * ti.min(top, 1)
        return base, part, steps

    @ti.func
    def linear(field: ti.template(), first, x, axis, shape: ti.template(),
               strides: ti.template()):  # fmt: skip
        """The component whose values begin at `first`, interpolated at x."""
        base, part, steps = lattice(x, axis, shape, strides)
        total = 0.0
        for corner in ti.static(corners):
            weight, i = 1.0, first + base
            for k in ti.static(axes):
                weight *= part[k] if ti.static(corner[k] == 1) else 1.0 - part[k]
                i += ti.static(corner[k]) * steps[k]
            total += weight * field[i]
        return total

    @ti.func
    def end(back: ti.template(), at, axis, shape: ti.template(), strides: ti.template(), nodes):
        """Where the trace of a point ends; that of a face is the mean of those of its cells."""
        lower, upper = at, at
        for k in ti.static(axes):
            if k == axis:
                lower[k] = ti.max(at[k] - 1, 0)
                upper[k] = ti.min(at[k], shape[k] - 1)
        i, j = lower.dot(strides), upper.dot(strides)
        x = vec(0)
        for k in ti.static(axes):
            start = ti.cast(at[k], ti.f32) + ti.select(k == axis, 0.0, 0.5)
            x[k] = start + 0.5 * (back[k * nodes + i] + back[k * nodes + j])
        return x

    @ti.kernel
    def trace(velocity: F32, back: F32, shape: ivec, strides: ivec, nodes: ti.i32, step: ti.f32):
        for index in range(points(-1, shape)):
            at = place(index, -1, shape)
            i = at.dot(strides)
            middle = vec(0)
            for k in ti.static(axes):
                here = velocity[k * nodes + i] + velocity[k * nodes + i + strides[k]]
                middle[k] = at[k] + 0.5 - 0.25 * step * here
            for k in ti.static(axes):
                there = linear(velocity, k * nodes, middle, k, shape, strides)
                back[k * nodes + i] = -step * there

    @ti.kernel
    def carry(field: F32, back: F32, out: F32, axis: ti.i32, shape: ivec, strides: ivec,
              nodes: ti.i32):  # fmt: skip
        for index in range(points(axis, shape)):
            at = place(index, axis, shape)
            x = end(back, at, axis, shape, strides, nodes)
            out[at.dot(strides)] = linear(field, 0, x, axis, shape, strides)

    @ti.kernel
    def carry_sharply(field: F32, back: F32, out: F32, axis: ti.i32, shape: ivec, strides: ivec,
                      nodes: ti.i32):  # fmt: skip
        for index in range(points(axis, shape)):
            at = place(index, axis, shape)
            x = end(back, at, axis, shape, strides, nodes)
            base, part, steps = lattice(x, axis, shape, strides)
            weights = ti.Matrix.zero(ti.f32, dim, 4)
            offsets = ti.Matrix.zero(ti.i32, dim, 4)
            for k in ti.static(axes):
                p = part[k]
                weights[k, 0] = p * (-0.5 + p * (1.0 - 0.5 * p))
                weights[k, 1] = 1.0 + p * p * (-2.5 + 1.5 * p)
                weights[k, 2] = p * (0.5 + p * (2.0 - 1.5 * p))
                weights[k, 3] = p * p * (-0.5 + 0.5 * p)
                count = shape[k] + ti.select(k == axis, 1, 0)
                first = ti.select(k == axis, 1.0, 1.5)
                offsets[k, 0] = ti.select(count > 2 and x[k] >= first, -steps[k], 0)
                offsets[k, 2] = steps[k]
                more = ti.select(count > 2 and x[k] < shape[k] - first, steps[k], 0)
                offsets[k, 3] = steps[k] + more
            total = 0.0
            for tap in ti.static(taps):
                weight, i = 1.0, base
                for k in ti.static(axes):
                    weight *= weights[k, tap[k]]
                    i += offsets[k, tap[k]]
                total += weight * field[i]
            low, high = field[base], field[base]
            for corner in ti.static(corners):
                i = base
                for k in ti.static(axes):
                    i += ti.static(corner[k]) * steps[k]
                low, high = ti.min(low, field[i]), ti.max(high, field[i])
            out[at.dot(strides)] = ti.max(low, ti.min(total, high))

    return AdvectionKernels(ivec, trace, carry, carry_sharply)
