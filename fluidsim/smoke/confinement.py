"""Vorticity confinement: a force that restores the small eddies that the grid smears out.

Fedkiw, Stam & Jensen 2001, "Visual simulation of smoke", eq. 9-11: the acceleration is
strength * dx * (N x omega) with N = grad|omega| / |grad|omega||. Differences are central, and
one-sided at the rim. Torch expressions define it; on the CPU, kernels over rows do the same. They
are three-dimensional; for a 2D grid the first axis has a single cell and no flow along it.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from fluidsim.flow.accelerations import add_cell_acceleration
from fluidsim.grid.grid import Grid
from fluidsim.grid.halo import Halo
from fluidsim.grid.plain import are_plain
from solvers import kernel_cache  # noqa: F401

F32 = np.float32
HALF = F32(0.5)
LEAST = F32(1e-20)  # 1/s per cell: least slope of |omega|, against division by 0


def add_vorticity_confinement(
    target: Tensor, velocity: Tensor, strength: float, grid: Grid
) -> None:
    """Add confinement of dimensionless `strength` to the acceleration `target` (dim, *nodes)."""
    kernels_serve = velocity.device.type == "cpu" and are_plain(velocity)
    find = acceleration if kernels_serve else acceleration_as_defined
    if grid.periodic:
        halo = Halo.around(grid, 0.0)
        force = halo.crop(find(halo.widen(velocity), strength, halo.wide))
    else:
        force = find(velocity, strength, grid)
    for axis in range(grid.dim):
        add_cell_acceleration(target, axis, force[axis], 1.0, grid)


def acceleration(velocity: Tensor, strength: float, grid: Grid) -> Tensor:
    """Acceleration of the confinement at the cell centres, (dim, *shape), m/s^2; on the CPU."""
    missing = 3 - grid.dim
    shape, strides = (1,) * missing + grid.shape, (0,) * missing + grid.strides
    mean, omega, force = (np.zeros((3, *shape), F32) for _ in range(3))
    length = np.empty(shape, F32)
    _average(velocity.view(grid.dim, -1).numpy(), mean, np.array(strides))
    _turn(mean, omega, length, F32(1 / grid.dx))
    _push(omega, length, force, F32(strength * grid.dx))
    return torch.from_numpy(force).view(3, *grid.shape)[missing:]


def acceleration_as_defined(velocity: Tensor, strength: float, grid: Grid) -> Tensor:
    """What `acceleration` returns, as torch expressions."""
    omega = vorticity(velocity, grid)
    length = omega.norm(dim=0)
    slopes = [torch.zeros_like(length)] * (3 - grid.dim)
    slopes += [_slope(length, axis) for axis in range(grid.dim)]
    normal = torch.stack(slopes)
    steepness = normal.norm(dim=0)
    steep = steepness > float(LEAST)  # elsewhere the direction is held fixed
    normal = torch.where(steep, normal, normal.detach())
    normal = normal * (strength * grid.dx / torch.where(steep, steepness, float(LEAST)))
    return torch.linalg.cross(normal, omega, dim=0)[3 - grid.dim :]


def vorticity(velocity: Tensor, grid: Grid) -> Tensor:
    """Curl of the velocity at the cell centres, (3, *shape), 1/s, as torch expressions."""
    mean = [torch.zeros(grid.shape, device=velocity.device)] * (3 - grid.dim)
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(velocity, axis)
        mean.append(0.5 * (faces.narrow(axis, 0, n) + faces.narrow(axis, 1, n)))

    def slope(component: int, axis: int) -> Tensor:
        along = axis - 3 + grid.dim
        return _slope(mean[component], along) if along >= 0 else torch.zeros_like(mean[2])

    turns = [slope((a + 2) % 3, (a + 1) % 3) - slope((a + 1) % 3, (a + 2) % 3) for a in range(3)]
    return torch.stack(turns) / grid.dx


def _slope(field: Tensor, axis: int) -> Tensor:
    """Difference per cell along an axis, (*shape): central, one-sided at the rim."""
    n = field.shape[axis]
    if n == 1:
        return torch.zeros_like(field)
    ends = field.narrow(axis, 0, 1), field.narrow(axis, n - 1, 1)
    padded = torch.cat((ends[0], field, ends[1]), axis)
    slope = 0.5 * (padded.narrow(axis, 2, n) - padded.narrow(axis, 0, n))
    slope.narrow(axis, 0, 1).mul_(2)
    slope.narrow(axis, n - 1, 1).mul_(2)
    return slope


@numba.njit(cache=True, parallel=True)
def _average(velocity, mean, strides):
    """Velocities at the cell centres, the means of those on the faces."""
    _, first, second, n = mean.shape
    missing = 3 - len(velocity)
    for row in numba.prange(first * second):
        a, b = row // second, row % second
        start = a * strides[0] + b * strides[1]
        for k in range(missing, 3):
            faces, above = velocity[k - missing], start + strides[k]
            _set_mean(faces[start : start + n], faces[above : above + n], mean[k, a, b])


@numba.njit(cache=True, parallel=True)
def _turn(mean, omega, length, inverse_dx):
    """The curl of the velocities at the cell centres, and its length."""
    first, second = length.shape[:2]
    for row in numba.prange(first * second):
        a, b = row // second, row % second
        for k in range(3):
            one, other = (k + 1) % 3, (k + 2) % 3
            _add_slope(mean[other], one, a, b, inverse_dx, omega[k, a, b])
            _add_slope(mean[one], other, a, b, -inverse_dx, omega[k, a, b])
        _set_length(omega[0, a, b], omega[1, a, b], omega[2, a, b], length[a, b])


@numba.njit(cache=True, parallel=True)
def _push(omega, length, force, strength):
    first, second, n = length.shape
    for row in numba.prange(first * second):
        a, b = row // second, row % second
        normal = np.zeros((3, n), F32)
        for k in range(3):
            _add_slope(length, k, a, b, F32(1.0), normal[k])
        _scale(normal, strength)
        for k in range(3):
            one, other = (k + 1) % 3, (k + 2) % 3
            _set_minor(
                normal[one], normal[other], omega[one, a, b], omega[other, a, b], force[k, a, b]
            )


@numba.njit(cache=True)
def _set_mean(below, above, line):
    for i in range(len(line)):
        line[i] = HALF * (below[i] + above[i])


@numba.njit(cache=True)
def _add_slope(field, axis, a, b, factor, line):
    """Add a row of the slope along an axis to `line`."""
    if axis == 2:
        row, n = field[a, b], len(line)
        if n > 1:
            _add_difference(row[:-2], row[2:], HALF * factor, line[1:-1])
            line[0] += factor * (row[1] - row[0])
            line[n - 1] += factor * (row[n - 1] - row[n - 2])
        return
    at = a if axis == 0 else b
    low, high = max(at - 1, 0), min(at + 1, field.shape[axis] - 1)
    if high > low:
        below = field[low, b] if axis == 0 else field[a, low]
        above = field[high, b] if axis == 0 else field[a, high]
        _add_difference(below, above, factor / F32(high - low), line)


@numba.njit(cache=True)
def _add_difference(below, above, factor, line):
    for i in range(len(line)):
        line[i] += factor * (above[i] - below[i])


@numba.njit(cache=True)
def _set_length(x, y, z, line):
    for i in range(len(line)):
        line[i] = np.sqrt(x[i] * x[i] + y[i] * y[i] + z[i] * z[i])


@numba.njit(cache=True)
def _scale(normal, strength):
    for i in range(normal.shape[1]):
        x, y, z = normal[0, i], normal[1, i], normal[2, i]
        scale = strength / max(np.sqrt(x * x + y * y + z * z), LEAST)
        normal[0, i] *= scale
        normal[1, i] *= scale
        normal[2, i] *= scale


@numba.njit(cache=True)
def _set_minor(one, other, omega_one, omega_other, line):
    for i in range(len(line)):
        line[i] = one[i] * omega_other[i] - other[i] * omega_one[i]
