"""Recorded advection on the CPU: the steps of advection with the adjoint of their interpolation.

The forward pass is the kernel, or the torch definition for doubles. The way back adds, for each
point, the weights of its taps times its gradient to the gradient of the field, and their slopes to
that of the trace. It goes through the points one after the other, so that sums repeat bit for bit.
Where a value is limited, the gradient is that of the corners which limit it, in equal parts.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_plain
from fluidsim.smoke import advection_kernels, advection_torch
from solvers import kernel_cache  # noqa: F401

trace = advection_torch.trace


def carry(field: Tensor, back: Tensor, out: Tensor, axis: int, grid: Grid) -> None:
    """As in advection_torch."""
    out.copy_(_Carried.apply(field, back, axis, grid, False))


def carry_sharply(field: Tensor, back: Tensor, out: Tensor, axis: int, grid: Grid) -> None:
    """As in advection_torch."""
    out.copy_(_Carried.apply(field, back, axis, grid, True))


class _Carried(torch.autograd.Function):
    """A component (*nodes) carried along the traces (dim, *nodes)."""

    @staticmethod
    def forward(
        ctx: Any, field: Tensor, back: Tensor, axis: int, grid: Grid, sharp: bool
    ) -> Tensor:
        ctx.save_for_backward(field, back)
        ctx.what = axis, grid, sharp
        steps = advection_kernels if are_plain(field, back) else advection_torch
        out = torch.zeros_like(field)
        (steps.carry_sharply if sharp else steps.carry)(field, back, out, axis, grid)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        field, back = ctx.saved_tensors
        axis, grid, sharp = ctx.what
        missing = 3 - grid.dim
        of_field = torch.zeros(grid.nodes, dtype=field.dtype)
        of_back = torch.zeros((grid.dim, *grid.nodes), dtype=back.dtype)
        _carry_back(
            grads[0].contiguous().view(-1).numpy(),
            field.detach().contiguous().view(-1).numpy(),
            back.detach().contiguous().view(grid.dim, -1).numpy(),
            of_field.view(-1).numpy(),
            of_back.view(grid.dim, -1).numpy(),
            axis + missing,
            np.array((1,) * missing + grid.shape),
            np.array((0,) * missing + grid.strides),
            sharp,
        )
        return of_field, of_back, None, None, None


@numba.njit(cache=True)
def _carry_back(gradient, field, back, of_field, of_back, axis, shape, strides, sharp):
    """Adds to of_field and of_back. gradient, field, of_field: (nodes,). back, of_back:
    (dim, nodes)."""
    missing = 3 - len(back)
    weights, slopes, of_x = np.zeros((3, 4)), np.zeros((3, 4)), np.zeros(3)
    offsets, steps, at = np.zeros((3, 4), np.int64), np.zeros(3, np.int64), np.zeros(3, np.int64)
    count = shape.copy()
    count[axis] += 1
    for at[0] in range(count[0]):
        for at[1] in range(count[1]):
            for at[2] in range(count[2]):
                here = at[0] * strides[0] + at[1] * strides[1] + at[2] * strides[2]
                given = gradient[here]
                if given == 0:
                    continue
                lower = here - strides[axis] * min(at[axis], 1)
                upper = here - strides[axis] * max(at[axis] - shape[axis] + 1, 0)
                base = 0
                for k in range(3):
                    x = at[k] + (0.0 if k == axis else 0.5)
                    if k >= missing:
                        way = back[k - missing]
                        x += 0.5 * (np.float64(way[lower]) + np.float64(way[upper]))
                    place = _set_taps(
                        x, k == axis, shape[k], strides[k], sharp, weights[k], slopes[k], offsets[k]
                    )
                    base += place * strides[k]
                    steps[k] = strides[k] * min(count[k] - 1, 1)
                if sharp:
                    limited, limit = _limit(field, base, weights, offsets, steps)
                    if limited:
                        _spread(given, limit, field, base, steps, of_field)
                        continue
                of_x[:] = 0.0
                _add_taps(given, field, base, weights, slopes, offsets, of_field, of_x)
                for k in range(missing, 3):
                    of_back[k - missing, lower] += 0.5 * of_x[k]
                    of_back[k - missing, upper] += 0.5 * of_x[k]


@numba.njit(cache=True)
def _set_taps(x, on_faces, cells, stride, sharp, weights, slopes, offsets):
    """Set the weights, their slopes and the offsets of one axis; returns the lowest point."""
    top = cells if on_faces else cells - 1
    shifted = x if on_faces else x - 0.5
    here = min(max(shifted, 0.0), float(top))
    lower = min(np.int64(here), max(top - 1, 0))
    p, step = here - lower, stride * min(top, 1)
    if sharp:
        weights[0], weights[1] = p * (-0.5 + p * (1 - 0.5 * p)), 1 + p * p * (-2.5 + 1.5 * p)
        weights[2], weights[3] = p * (0.5 + p * (2 - 1.5 * p)), p * p * (-0.5 + 0.5 * p)
        slopes[0], slopes[1] = -0.5 + p * (2 - 1.5 * p), p * (-5 + 4.5 * p)
        slopes[2], slopes[3] = 0.5 + p * (4 - 4.5 * p), p * (-1 + 1.5 * p)
    else:
        weights[1], weights[2], slopes[1], slopes[2] = 1 - p, p, -1.0, 1.0
    if not 0 <= shifted <= top:
        slopes[:] = 0.0
    first, last = np.inf, -np.inf
    if top + 1 > 2:
        first = 1.0 if on_faces else 1.5
        last = cells - first
    offsets[0] = -step if x >= first else 0
    offsets[1], offsets[2] = 0, step
    offsets[3] = 2 * step if x < last else step
    return lower


@numba.njit(cache=True)
def _range_of(field, base, steps):
    """The lowest and the highest value at the corners."""
    low = high = field[base]
    for corner in range(8):
        value = field[_corner(base, steps, corner)]
        low, high = min(low, value), max(high, value)
    return low, high


@numba.njit(cache=True)
def _total(field, base, weights, offsets):
    total = 0.0
    for i in range(4):
        for j in range(4):
            for k in range(4):
                weight = weights[0, i] * weights[1, j] * weights[2, k]
                total += weight * field[base + offsets[0, i] + offsets[1, j] + offsets[2, k]]
    return total


@numba.njit(cache=True)
def _limit(field, base, weights, offsets, steps):
    """Whether the cubic leaves the range of the corners, and the end of the range there."""
    low, high = _range_of(field, base, steps)
    if low == high:
        return False, low
    total = _total(field, base, weights, offsets)
    return total < low or total > high, low if total < low else high


@numba.njit(cache=True)
def _spread(given, limit, field, base, steps, of_field):
    """Give the corners with the limiting value equal parts of the gradient."""
    found = 0
    for corner in range(8):
        found += field[_corner(base, steps, corner)] == limit
    for corner in range(8):
        place = _corner(base, steps, corner)
        if field[place] == limit:
            of_field[place] += given / found


@numba.njit(cache=True)
def _corner(base, steps, corner):
    return base + steps[0] * (corner >> 2) + steps[1] * (corner >> 1 & 1) + steps[2] * (corner & 1)


@numba.njit(cache=True)
def _add_taps(given, field, base, weights, slopes, offsets, of_field, of_x):
    """Add to the gradients of the field and of the position."""
    for i in range(4):
        for j in range(4):
            flat, along_x, along_y = (
                weights[0, i] * weights[1, j],
                slopes[0, i] * weights[1, j],
                weights[0, i] * slopes[1, j],
            )
            if flat == 0 and along_x == 0 and along_y == 0:
                continue
            first = base + offsets[0, i] + offsets[1, j]
            for k in range(4):
                place, weight = first + offsets[2, k], weights[2, k]
                of_field[place] += given * flat * weight
                value = given * field[place]
                of_x[0] += value * along_x * weight
                of_x[1] += value * along_y * weight
                of_x[2] += value * flat * slopes[2, k]
