"""The divergence of the velocity, and the gradient that a projection subtracts from it.

Torch expressions define both and run on any device; on the CPU, kernels over rows do the same in
one pass. Where torch records, the way back is that of `flux_adjoint`.
"""

from __future__ import annotations

import functools

import numba
import numpy as np
import torch
from torch import Tensor

from fluidsim.flow import flux_adjoint
from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_plain, are_recorded
from fluidsim.grid.rows import as_rows, cell_rows, flat
from solvers import kernel_cache  # noqa: F401
from solvers.row_layout import active_part


def divergence(
    velocity: Tensor, open_faces: Tensor, solid: Tensor, fluid: Tensor, grid: Grid
) -> Tensor:
    """Divergence (*shape) float64, 1/s, of the flow through the faces of each cell; 0 in cells
    that are not `fluid` (*shape) bool.

    velocity: (dim, *nodes), m/s, on the open part of each face. open_faces: (dim, *nodes) float32,
    that part. solid: (dim, *nodes) float32, m/s, the velocity of what closes the rest.
    """
    if are_recorded(velocity, open_faces, solid):
        return flux_adjoint.Divergence.apply(divergence, velocity, open_faces, solid, fluid, grid)
    if velocity.device.type != "cpu" or not are_plain(velocity, open_faces, solid):
        return divergence_as_defined(velocity, open_faces, solid, fluid, grid)
    result = np.empty((len(cell_rows(grid)), grid.shape[-1]))
    _diverge(
        flat(velocity), flat(open_faces), flat(solid), as_rows(fluid), cell_rows(grid),
        np.array(grid.strides), 1 / grid.dx, result,
    )  # fmt: skip
    return torch.from_numpy(result.reshape(grid.shape))


def divergence_as_defined(
    velocity: Tensor, open_faces: Tensor, solid: Tensor, fluid: Tensor, grid: Grid
) -> Tensor:
    """What `divergence` returns, as a torch expression."""
    total = torch.zeros(grid.shape, dtype=torch.float64, device=velocity.device)
    for axis in range(grid.dim):
        flow, opened, wall = (
            grid.faces(field, axis).double() for field in (velocity, open_faces, solid)
        )
        total += torch.diff(wall + opened * (flow - wall), dim=axis)
    return total * fluid / grid.dx


def subtract_gradient(
    velocity: Tensor, impulse: Tensor, open_faces: Tensor, density: float, grid: Grid
) -> None:
    """Subtract grad q / density from the velocity (dim, *nodes) on every open face, in place.

    impulse: q (*shape) float64, Pa s; it is 0 outside the grid, except along periodic axes.
    open_faces: (dim, *nodes) float32, the open part of each face.
    """
    slope = 1 / (density * grid.dx)
    if are_recorded(velocity, impulse):
        subtract = functools.partial(subtract_gradient, density=density, grid=grid)
        flux_adjoint.Subtraction.apply(subtract, velocity, impulse, open_faces, slope, grid)
        return
    if velocity.device.type != "cpu" or not are_plain(velocity):
        return subtract_gradient_as_defined(velocity, impulse, open_faces, slope, grid)
    flow, opened, q = flat(velocity), flat(open_faces.detach()), as_rows(impulse)
    parts = np.empty((len(q) + 1, 2), np.int64)
    _find_parts(q, parts)
    for axis in range(grid.dim - 1):
        first = axis * grid.node_count
        _subtract_across(flow[first:], opened[first:], q, parts, *_face_rows(grid, axis), slope)
    first = (grid.dim - 1) * grid.node_count
    wraps = grid.up in grid.periodic
    _subtract_along(flow[first:], opened[first:], q, cell_rows(grid), wraps, slope)


def subtract_gradient_as_defined(
    velocity: Tensor, impulse: Tensor, open_faces: Tensor, slope: float, grid: Grid
) -> None:
    """What `subtract_gradient` does, as a torch expression; slope: 1 / (density dx)."""
    for axis in range(grid.dim):
        first, last = impulse.narrow(axis, 0, 1), impulse.narrow(axis, grid.shape[axis] - 1, 1)
        if axis not in grid.periodic:
            first = last = torch.zeros_like(first)
        jump = torch.diff(impulse, dim=axis, prepend=last, append=first)
        opened = grid.faces(open_faces, axis) > 0
        grid.faces(velocity, axis).sub_((slope * jump * opened).to(velocity.dtype))


@functools.lru_cache(maxsize=8)
def _face_rows(grid: Grid, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For the faces normal to an axis other than the last: the flat index in a stored field at
    which each row begins, and the rows of cells below and above it; outside the grid the number of
    rows stands for them."""
    rows = np.arange(len(cell_rows(grid))).reshape(grid.shape[:-1])
    ring = [(int(k == axis),) * 2 for k in range(grid.dim - 1)]
    if axis in grid.periodic:
        padded = np.pad(rows, ring, mode="wrap")
    else:
        padded = np.pad(rows, ring, constant_values=rows.size)
    padded = np.moveaxis(padded, axis, 0)
    below, above = (np.moveaxis(part, 0, axis).ravel() for part in (padded[:-1], padded[1:]))
    faces = [n + (k == axis) for k, n in enumerate(grid.shape[:-1])]
    return np.tensordot(grid.strides[:-1], np.indices(faces), 1).ravel(), below, above


@numba.njit(cache=True, parallel=True)
def _diverge(velocity, open_faces, solid, fluid, starts, strides, scale, result):
    nodes = len(velocity) // len(strides)
    for row in numba.prange(len(starts)):
        first, last = active_part(fluid[row])
        result[row] = 0.0
        total = result[row, first:last]
        for axis in range(len(strides)):
            below = axis * nodes + starts[row] + first
            above = below + strides[axis]
            low, high = slice(below, below + len(total)), slice(above, above + len(total))
            add_outflow(
                total, velocity[low], open_faces[low], solid[low],
                velocity[high], open_faces[high], solid[high],
            )  # fmt: skip
        for z in range(len(total)):
            total[z] *= scale * fluid[row, first + z]


@numba.njit(cache=True)
def add_outflow(total, velocity, opened, solid, velocity_above, opened_above, solid_above):
    """Add what flows out of a row of cells through the faces below and above it on one axis."""
    for z in range(len(total)):
        wall, wall_above = np.float64(solid[z]), np.float64(solid_above[z])
        total[z] += wall_above + opened_above[z] * (velocity_above[z] - wall_above)
        total[z] -= wall + opened[z] * (velocity[z] - wall)


@numba.njit(cache=True, parallel=True)
def _find_parts(impulse, parts):
    """The part of each row that is not 0: its first cell and one past the last; an empty one for
    what is outside of the grid."""
    for row in numba.prange(len(impulse)):
        parts[row, 0], parts[row, 1] = active_part(impulse[row])
    parts[-1] = impulse.shape[1], 0


@numba.njit(cache=True, parallel=True)
def _subtract_across(velocity, opened, impulse, parts, starts, below, above, slope):
    rows, cells = impulse.shape
    outside = np.zeros(cells)
    for face in numba.prange(len(starts)):
        first = min(parts[below[face], 0], parts[above[face], 0])
        last = max(parts[below[face], 1], parts[above[face], 1])
        if first < last:
            place, part = slice(starts[face] + first, starts[face] + last), slice(first, last)
            low = impulse[below[face]] if below[face] < rows else outside
            high = impulse[above[face]] if above[face] < rows else outside
            _subtract_row(velocity[place], opened[place], low[part], high[part], slope)


@numba.njit(cache=True, parallel=True)
def _subtract_along(velocity, opened, impulse, starts, wraps, slope):
    cells = impulse.shape[1]
    for row in numba.prange(len(starts)):
        first, q = starts[row], impulse[row]
        before, after = (q[cells - 1], q[0]) if wraps else (0.0, 0.0)
        if opened[first] > 0:
            velocity[first] -= slope * (q[0] - before)
        inner = slice(first + 1, first + cells)
        _subtract_row(velocity[inner], opened[inner], q[:-1], q[1:], slope)
        if opened[first + cells] > 0:
            velocity[first + cells] -= slope * (after - q[cells - 1])


@numba.njit(cache=True)
def _subtract_row(velocity, opened, low, high, slope):
    for z in range(len(velocity)):
        change = slope * (high[z] - low[z])
        velocity[z] -= change if opened[z] > 0 else 0.0
