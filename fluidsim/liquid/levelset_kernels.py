# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Advection of a level set, and the distance from particles: Taichi kernels for 2D and 3D.

Distances are in cells, at cell centres, flat over the nodes (see grid.py).
"""

import functools
import itertools
from typing import NamedTuple

import taichi as ti

from fluidsim.grid.interpolation import functions
from fluidsim.grid.scheduling import Schedule, dealt_item, loop_length
from fluidsim.grid.taichi_rows import row_functions
from fluidsim.grid.taichi_types import F32, I8, I32, Kernel, VectorType

NEAR = 2.5  # cells: smaller distances are interpolated by cubics

OCCUPIED, EMPTY, HIDDEN = 1, 2, 4  # kinds of cells; solids hide the content of a cell

# The distance from jittered particles, 2^dim per cell, is SCALE * (|x - mean| - RADIUS), in cells.
REACH, RADIUS, SCALE = 1.5, 0.4, 1.3
SAMPLES = 4  # most particles of a cell that it uses


class LevelSetKernels(NamedTuple):
    """carry: advects the distance. hold: keeps it near that of the particles."""

    ivec: VectorType
    carry: Kernel
    hold: Kernel


@functools.cache
def kernels(dim: int, schedule: Schedule) -> LevelSetKernels:
    """The kernels for `dim` dimensions."""
    own = functions(dim)
    vec, ivec, load, keep_inside = own.vec, own.ivec, own.load, own.keep_inside
    gather, corners = own.gather, own.corners
    row_count, row_start = row_functions(dim)
    rows_of_centres = list(itertools.product(range(4), repeat=dim - 1))

    @ti.func
    def lattice(x: ti.template(), shape: ti.template()):
        """Lower cell and fraction of x between cell centres, clamped at the rim."""
        inside = ti.max(0.0, ti.min(x - 0.5, ti.cast(shape - 1, ti.f32)))
        base = ti.cast(inside, ti.i32)
        return base, inside - base

    @ti.func
    def linear(field: ti.template(), x: ti.template(), shape: ti.template(),
               strides: ti.template()):  # fmt: skip
        base, part = lattice(x, shape)
        total = 0.0
        for corner in ti.static(corners):
            weight = 1.0
            i = 0
            for k in ti.static(range(dim)):
                weight *= part[k] if ti.static(corner[k] == 1) else 1.0 - part[k]
                i += ti.min(base[k] + corner[k], shape[k] - 1) * strides[k]
            total += weight * field[i]
        return total

    @ti.func
    def cubic_weights(t: ti.f32):
        """Weights of the four centres around t, the first of which is at -1."""
        return ti.Vector([
            -t * (t - 1.0) * (t - 2.0) / 6.0, (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0,
            -(t + 1.0) * t * (t - 2.0) / 2.0, (t + 1.0) * t * (t - 1.0) / 6.0,
        ])  # fmt: skip

    @ti.func
    def cubic(field: ti.template(), x: ti.template(), shape: ti.template(),
              strides: ti.template()):  # fmt: skip
        """Interpolation by cubics through four centres on each axis."""
        base, part = lattice(x, shape)
        weights, places = ti.Matrix.zero(ti.f32, dim, 4), ti.Matrix.zero(ti.i32, dim, 4)
        for k in ti.static(range(dim)):
            along = cubic_weights(part[k])
            for step in ti.static(range(4)):
                weights[k, step] = along[step]
                places[k, step] = ti.max(0, ti.min(base[k] + step - 1, shape[k] - 1)) * strides[k]
        total = 0.0
        for across in ti.static(rows_of_centres):
            weight = 1.0
            i = 0
            for k in ti.static(range(dim - 1)):
                step = ti.static(across[dim - 2 - k])
                weight *= weights[k, step]
                i += places[k, step]
            for step in ti.static(range(4)):
                total += weight * weights[dim - 1, step] * field[i + places[dim - 1, step]]
        return total

    @ti.kernel
    def carry(field: F32, faces: F32, result: F32, shape: ivec, strides: ivec, nodes: ti.i32,
              step: ti.f32):  # fmt: skip
        """Semi-Lagrangian advection, traced by the midpoint rule near the surface."""
        rows = row_count(shape)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, shape)
            for z in range(shape[dim - 1]):
                at[dim - 1] = z
                i = at.dot(strides)
                x = ti.cast(at, ti.f32) + 0.5
                here = vec(0.0)
                for k in ti.static(range(dim)):
                    j = k * nodes + i
                    here[k] = 0.5 * (faces[2 * j] + faces[2 * (j + strides[k])])
                value = linear(field, keep_inside(x - step * here, shape), shape, strides)
                if ti.abs(value) < NEAR:
                    middle = keep_inside(x - 0.5 * step * here, shape)
                    halfway, _ = gather(faces, middle, shape, strides, nodes, False)
                    value = cubic(field, keep_inside(x - step * halfway, shape), shape, strides)
                result[i] = value

    @ti.kernel
    def hold(field: F32, x: F32, start: I32, kinds: I8, joined: I8, shape: ivec, strides: ivec,
             held: ti.f32):  # fmt: skip
        """Keep the distance within `held` cells of that from the particles. If the cells around
        are all empty or all full (solid ones count as full), keep it on that side of the surface.
        joined: the kinds of a cell and of those around.
        """
        rows = row_count(shape)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, shape)
            for z in range(shape[dim - 1]):
                at[dim - 1] = z
                i = at.dot(strides)
                around = joined[i]
                if kinds[i] == HIDDEN:
                    continue
                if around & OCCUPIED == 0:
                    field[i] = ti.max(field[i], 0.25)
                elif around & EMPTY == 0:
                    field[i] = ti.min(field[i], -0.25)
                else:
                    away = particle_distance(x, start, at, shape, strides)
                    # Solids hide part of the liquid, so it seems farther away.
                    low = away - held - (1.0 if around & HIDDEN != 0 else 0.0)
                    field[i] = ti.max(low, ti.min(field[i], away + held))

    @ti.func
    def particle_distance(x: ti.template(), start: ti.template(), at: ti.template(),
                          shape: ti.template(), strides: ti.template()):  # fmt: skip
        """Distance of a cell centre from the particles, in cells; walls of the domain mirror."""
        centre = ti.cast(at, ti.f32) + 0.5
        total = 0.0
        mean = vec(0.0)
        for number in range(3**dim):
            j = 0
            mirror = vec(0.0)
            sign = vec(1.0)
            rest = number
            for k in ti.static(range(dim)):
                there = at[k] + rest % 3 - 1
                rest = rest // 3
                if there < 0 or there >= shape[k]:
                    mirror[k] = 0.0 if there < 0 else 2.0 * shape[k]
                    sign[k] = -1.0
                    there = at[k]
                j += there * strides[k]
            count = start[j + 1] - start[j]
            step = ti.max(count // SAMPLES, 1)
            for n in range(ti.min(count, SAMPLES)):
                arm = mirror + sign * load(x, start[j] + n * step) - centre
                s = ti.max(0.0, 1.0 - arm.norm_sqr() / (REACH * REACH))
                weight = s * s * s
                total += weight
                mean += weight * arm
        return SCALE * ((mean / ti.max(total, 1e-9)).norm() - RADIUS) if total > 1e-6 else REACH

    return LevelSetKernels(ivec, carry, hold)
