# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Points and face fields: Taichi functions that the particle kernels share, in 2D and 3D.

Positions are in grid coordinates (cells), velocities in m/s. Fields are flat over the nodes of
the grid (see grid.py); component a of a face field starts at a * node_count.
Weights are the (bi-, tri-)linear ones of Zhu & Bridson 2005, "Animating sand as a fluid".
"""

import functools
import itertools
from typing import Any, NamedTuple

import taichi as ti

from fluidsim.grid.taichi_types import Function, VectorType

KEPT_FROM_WALL = 1e-3  # cells: particles stay at least this far inside the domain


class PointFunctions(NamedTuple):
    """Functions for the kernels of one dimension, and the types that they use.

    corners: of a unit cell, 0 or 1 on each axis. load, store: a vector of a flat array.
    keep_inside: a point within the domain. cell_of: the flat index of its cell. stencil: the faces
    around a point. gather, gather_gradient: the velocity there, and its slopes, from pairs on the
    faces. gather_single: the velocity from a field of one number a face.
    """

    corners: list[tuple[int, ...]]
    vec: VectorType
    ivec: VectorType
    load: Function
    store: Function
    keep_inside: Function
    cell_of: Function
    stencil: Function
    gather: Function
    gather_single: Function
    gather_gradient: Function


@functools.cache
def functions(dim: int) -> PointFunctions:
    """The functions for `dim` dimensions."""
    corners = list(itertools.product(*[(0, 1)] * dim))
    vec: Any = ti.types.vector(dim, ti.f32)
    ivec: Any = ti.types.vector(dim, ti.i32)
    mat: Any = ti.types.matrix(dim, dim, ti.f32)

    @ti.func
    def load(array: ti.template(), p: ti.i32):
        value = vec(0.0)
        for k in ti.static(range(dim)):
            value[k] = array[p * dim + k]
        return value

    @ti.func
    def store(array: ti.template(), p: ti.i32, value: ti.template()):
        for k in ti.static(range(dim)):
            array[p * dim + k] = value[k]

    @ti.func
    def keep_inside(x: ti.template(), shape: ti.template()):
        return ti.max(KEPT_FROM_WALL, ti.min(x, ti.cast(shape, ti.f32) - KEPT_FROM_WALL))

    @ti.func
    def cell_of(x: ti.template(), strides: ti.template()):
        cell = 0
        for k in ti.static(range(dim)):
            cell += ti.cast(x[k], ti.i32) * strides[k]
        return cell

    @ti.func
    def stencil(x: ti.template(), shape: ti.template()):
        """Lower index and fraction of x on the faces normal to an axis, and along the others.

        Beyond the outermost centres a face's value holds up to the wall (clamped coordinates).
        """
        across = ti.cast(x, ti.i32)
        shifted = ti.max(0.0, ti.min(x - 0.5, ti.cast(shape - 1, ti.f32)))
        along = ti.cast(shifted, ti.i32)
        return across, x - across, along, shifted - along

    def gather_from(numbers: int) -> Function:
        """The function for faces that have so many numbers each."""

        @ti.func
        def gather(faces: ti.template(), x: ti.template(), shape: ti.template(),
                   strides: ti.template(), nodes: ti.i32, both: ti.template()):  # fmt: skip
            """Velocity at x from the first number of each face, and its change from the second.

            The change is 0 unless `both` asks for it.
            """
            across, across_part, along, along_part = stencil(x, shape)
            velocity = vec(0.0)
            change = vec(0.0)
            for a in ti.static(range(dim)):
                base = a * nodes
                for k in ti.static(range(dim)):
                    base += (across[k] if ti.static(k == a) else along[k]) * strides[k]
                total = 0.0
                total_change = 0.0
                for corner in ti.static(corners):
                    weight = 1.0
                    i = base
                    for k in ti.static(range(dim)):
                        part = across_part[k] if ti.static(k == a) else along_part[k]
                        weight *= part if ti.static(corner[k] == 1) else 1.0 - part
                        if ti.static(corner[k] == 1):
                            i += strides[k]
                    total += weight * faces[numbers * i]
                    if ti.static(both):
                        total_change += weight * faces[numbers * i + 1]
                velocity[a] = total
                change[a] = total_change
            return velocity, change

        return gather

    @ti.func
    def gather_gradient(faces: ti.template(), x: ti.template(), shape: ti.template(),
                        strides: ti.template(), nodes: ti.i32):  # fmt: skip
        """Slopes at x of the first of the pairs on the faces: [a, m] of component a along m, m/s
        a cell; 0 where `stencil` holds the value up to the wall."""
        across, across_part, along, along_part = stencil(x, shape)
        gradient = mat(0.0)
        for a in ti.static(range(dim)):
            base = a * nodes
            for k in ti.static(range(dim)):
                base += (across[k] if ti.static(k == a) else along[k]) * strides[k]
            for corner in ti.static(corners):
                i = base
                for k in ti.static(range(dim)):
                    if ti.static(corner[k] == 1):
                        i += strides[k]
                for m in ti.static(range(dim)):
                    slope = 1.0 if ti.static(corner[m] == 1) else -1.0
                    for k in ti.static(range(dim)):
                        if ti.static(k != m):
                            part = across_part[k] if ti.static(k == a) else along_part[k]
                            slope *= part if ti.static(corner[k] == 1) else 1.0 - part
                    gradient[a, m] += slope * faces[2 * i]
            for m in ti.static(range(dim)):
                if ti.static(m != a):
                    if x[m] <= 0.5 or x[m] >= shape[m] - 0.5:
                        gradient[a, m] = 0.0
        return gradient

    return PointFunctions(
        corners, vec, ivec, load, store, keep_inside, cell_of, stencil,
        gather_from(2), gather_from(1), gather_gradient,
    )  # fmt: skip
