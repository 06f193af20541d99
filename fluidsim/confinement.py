# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Vorticity confinement: the small eddies that the grid smears out are pushed to spin again.

Fedkiw, Stam & Jensen 2001, "Visual simulation of smoke", eq. 9-11: the acceleration is
strength * dx * (N x omega) with N = grad|omega| / |grad|omega||. Differences are central, and
one-sided at the rim. In 2D omega has one component, along the axis that is cut away.
"""

import functools
from types import SimpleNamespace
from typing import Any

import taichi as ti
from torch import Tensor

from fluidsim import scheduling
from fluidsim.forces import add_cell_acceleration
from fluidsim.grid import Grid
from fluidsim.rows import row_functions
from fluidsim.scheduling import Schedule, dealt_item, loop_length

F32: Any = ti.types.ndarray(dtype=ti.f32, ndim=1)


def add_vorticity_confinement(velocity: Tensor, strength: float, dt: float, grid: Grid) -> None:
    """Accelerate the faces (dim, *nodes) by confinement of dimensionless `strength`."""
    force = acceleration(velocity, strength, grid)
    for axis in range(grid.dim):
        add_cell_acceleration(velocity, axis, grid.cells(force[axis]), dt, grid)


def vorticity(velocity: Tensor, grid: Grid) -> Tensor:
    """Curl at the cell centres, 1/s, and its length last: (4, *nodes) in 3D, (2, *nodes) in 2D."""
    program = kernels(grid.dim, scheduling.for_device(velocity.device))
    omega = grid.zeros(velocity.device, 4 if grid.dim == 3 else 2)
    shape, strides = program.ivec(*grid.shape), program.ivec(*grid.strides)
    program.curl(velocity.view(-1), omega.view(-1), shape, strides, grid.node_count, 1 / grid.dx)
    return omega


def acceleration(velocity: Tensor, strength: float, grid: Grid) -> Tensor:
    """The confinement's acceleration at the cell centres, (dim, *nodes), m/s^2."""
    program = kernels(grid.dim, scheduling.for_device(velocity.device))
    omega = vorticity(velocity, grid)
    force = grid.zeros(velocity.device, grid.dim)
    shape, strides = program.ivec(*grid.shape), program.ivec(*grid.strides)
    program.push(
        omega.view(-1), force.view(-1), shape, strides, grid.node_count, strength * grid.dx
    )
    return force


@functools.cache
def kernels(dim: int, schedule: Schedule) -> SimpleNamespace:
    vec: Any = ti.types.vector(dim, ti.f32)
    ivec: Any = ti.types.vector(dim, ti.i32)
    row_count, row_start = row_functions(dim)
    length_at = 3 if dim == 3 else 1  # the component of omega that holds its length

    @ti.func
    def centre(velocity: ti.template(), i: ti.i32, axis: ti.template(), strides: ti.template(),
               nodes: ti.i32):  # fmt: skip
        j = axis * nodes + i
        return 0.5 * (velocity[j] + velocity[j + strides[axis]])

    @ti.func
    def neighbours(at: ti.template(), axis: ti.template(), shape: ti.template(),
                   strides: ti.template()):  # fmt: skip
        """Offsets to the cells below and above, within the grid, and 1 / their distance."""
        below = strides[axis] if at[axis] > 0 else 0
        above = strides[axis] if at[axis] < shape[axis] - 1 else 0
        apart = ti.cast(at[axis] > 0, ti.i32) + ti.cast(at[axis] < shape[axis] - 1, ti.i32)
        return below, above, 1.0 / ti.max(apart, 1)

    @ti.func
    def slope(velocity: ti.template(), i: ti.i32, at: ti.template(), component: ti.template(),
              axis: ti.template(), shape: ti.template(), strides: ti.template(),
              nodes: ti.i32):  # fmt: skip
        below, above, inverse = neighbours(at, axis, shape, strides)
        return inverse * (
            centre(velocity, i + above, component, strides, nodes)
            - centre(velocity, i - below, component, strides, nodes)
        )

    @ti.kernel
    def curl(velocity: F32, omega: F32, shape: ivec, strides: ivec, nodes: ti.i32,
             inverse_dx: ti.f32):  # fmt: skip
        rows = row_count(shape)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, shape)
            for z in range(shape[dim - 1]):
                at[dim - 1] = z
                i = at.dot(strides)
                if ti.static(dim == 2):
                    spin = inverse_dx * (
                        slope(velocity, i, at, 1, 0, shape, strides, nodes)
                        - slope(velocity, i, at, 0, 1, shape, strides, nodes)
                    )
                    omega[i] = spin
                    omega[nodes + i] = ti.abs(spin)
                else:
                    square = 0.0
                    for a in ti.static(range(3)):
                        b, c = ti.static((a + 1) % 3, (a + 2) % 3)
                        spin = inverse_dx * (
                            slope(velocity, i, at, c, b, shape, strides, nodes)
                            - slope(velocity, i, at, b, c, shape, strides, nodes)
                        )
                        omega[a * nodes + i] = spin
                        square += spin * spin
                    omega[3 * nodes + i] = ti.sqrt(square)

    @ti.kernel
    def push(omega: F32, force: F32, shape: ivec, strides: ivec, nodes: ti.i32,
             strength: ti.f32):  # fmt: skip
        rows = row_count(shape)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, shape)
            for z in range(shape[dim - 1]):
                at[dim - 1] = z
                i = at.dot(strides)
                normal = vec(0.0)
                for k in ti.static(range(dim)):
                    below, above, inverse = neighbours(at, k, shape, strides)
                    j = length_at * nodes + i
                    normal[k] = inverse * (omega[j + above] - omega[j - below])
                normal *= strength / ti.max(normal.norm(), 1e-20)
                if ti.static(dim == 2):
                    force[i] = normal[1] * omega[i]
                    force[nodes + i] = -normal[0] * omega[i]
                else:
                    for a in ti.static(range(3)):
                        b, c = ti.static((a + 1) % 3, (a + 2) % 3)
                        force[a * nodes + i] = (
                            normal[b] * omega[c * nodes + i] - normal[c] * omega[b * nodes + i]
                        )

    return SimpleNamespace(ivec=ivec, curl=curl, push=push)
