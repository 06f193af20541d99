# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Divergence of the velocity on the open faces, and the gradient of a cell field taken from it."""

import functools
from types import SimpleNamespace
from typing import Any

import taichi as ti
import torch
from torch import Tensor

import solvers
from fluidsim import scheduling
from fluidsim.grid import Grid
from fluidsim.rows import row_functions
from fluidsim.scheduling import Schedule, dealt_item, loop_length

F32: Any = ti.types.ndarray(dtype=ti.f32, ndim=1)
F64: Any = ti.types.ndarray(dtype=ti.f64, ndim=1)


def divergence(velocity: Tensor, open_faces: Tensor, solid: Tensor, grid: Grid) -> Tensor:
    """Divergence (*shape), float64, 1/s, of what leaves a cell through its faces.

    velocity: (dim, *nodes), m/s, on the open part of each face. open_faces: (dim, *nodes) float32,
    that part. solid: (dim, *nodes) float32, m/s, the velocity of what closes the rest.
    """
    program = kernels(grid.dim, scheduling.for_device(velocity.device), velocity.dtype)
    result = torch.empty(grid.shape, dtype=torch.float64, device=velocity.device)
    shape, strides = program.ivec(*grid.shape), program.ivec(*grid.strides)
    program.diverge(
        velocity.view(-1), open_faces.view(-1), solid.view(-1), result.view(-1), shape, strides,
        grid.node_count, 1 / grid.dx,
    )  # fmt: skip
    return result


def subtract_gradient(
    velocity: Tensor, impulse: Tensor, system: solvers.PoissonSystem, density: float, grid: Grid
) -> None:
    """velocity (dim, *nodes) -= grad q / density on every face of positive weight of the system.

    impulse: q (*shape), Pa s.
    """
    program = kernels(grid.dim, scheduling.for_device(velocity.device), velocity.dtype)
    shape, strides = program.ivec(*grid.shape), program.ivec(*grid.strides)
    for axis, weights in enumerate(system.face_weights):
        unit = program.ivec(*(int(d == axis) for d in range(grid.dim)))
        program.subtract(
            velocity[axis].view(-1), impulse.contiguous().view(-1),
            weights.contiguous().double().view(-1), unit, shape, strides, 1 / (density * grid.dx),
        )  # fmt: skip


@functools.cache
def kernels(dim: int, schedule: Schedule, dtype: torch.dtype) -> SimpleNamespace:
    """The kernels for velocities of a dtype."""
    real: Any = {torch.float32: ti.f32, torch.float64: ti.f64}[dtype]
    field: Any = ti.types.ndarray(dtype=real, ndim=1)
    ivec: Any = ti.types.vector(dim, ti.i32)
    row_count, row_start = row_functions(dim)

    @ti.kernel
    def diverge(velocity: field, open_faces: F32, solid: F32, result: F64, shape: ivec,
                strides: ivec, nodes: ti.i32, inverse_dx: ti.f64):  # fmt: skip
        rows = row_count(shape)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            start = row_start(row, shape).dot(strides)
            for z in range(shape[dim - 1]):
                total = ti.cast(0.0, ti.f64)
                for k in ti.static(range(dim)):
                    i = k * nodes + start + z
                    for side in ti.static((0, 1)):
                        j = i + side * strides[k]
                        wall = ti.cast(solid[j], ti.f64)
                        flux = wall + open_faces[j] * (ti.cast(velocity[j], ti.f64) - wall)
                        total += (2 * side - 1) * flux
                result[row * shape[dim - 1] + z] = total * inverse_dx

    @ti.kernel
    def subtract(velocity: field, impulse: F64, weights: F64, unit: ivec, shape: ivec,
                 strides: ivec, slope: ti.f64):  # fmt: skip
        """On the faces of one axis; unit: 1 on that axis, else 0."""
        faces = shape + unit
        step = 1  # from a cell to its upper neighbour on the axis
        for k in ti.static(range(dim)):
            if unit[k] == 1:
                for other in ti.static(range(k + 1, dim)):
                    step *= shape[other]
        rows = row_count(faces)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, faces)
            node = at.dot(strides)
            cell = 0
            for k in ti.static(range(dim - 1)):
                cell = (cell + at[k]) * shape[k + 1]
            for z in range(faces[dim - 1]):
                at[dim - 1] = z
                along, n = at.dot(unit), shape.dot(unit)
                jump = ti.cast(0.0, ti.f64)
                if along < n:
                    jump += impulse[cell + z]
                if along > 0:
                    jump -= impulse[cell + z - step]
                if weights[row * faces[dim - 1] + z] > 0.0:
                    velocity[node + z] -= ti.cast(slope * jump, real)

    return SimpleNamespace(ivec=ivec, diverge=diverge, subtract=subtract)
