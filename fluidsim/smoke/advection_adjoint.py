"""Recorded advection on the CPU: the steps of advection and their adjoints.

The forward pass is that of the kernels, or of the torch definition for doubles. The way back adds,
for each point, the weights of its taps times its gradient to the gradient of the field, and their
slopes to that of the position. Components of the velocity go in parallel, and the points of each
one after the other, so that sums repeat bit for bit. Where a value is limited, the gradient is that
of the corners which limit it, in equal parts.
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
from fluidsim.smoke.advection_taps import add_taps, limit_of, set_sums, set_taps, spread
from solvers import kernel_cache  # noqa: F401


def trace(velocity: Tensor, back: Tensor, grid: Grid, step: float) -> None:
    """As in advection_torch."""
    back.copy_(_Traced.apply(velocity, grid, step))


def faces(field: Tensor, back: Tensor, grid: Grid, sharp: bool) -> Tensor:
    """A face field (dim, *nodes) carried along the traces, by limited cubics if `sharp`; 0 at
    stored points beyond the grid."""
    return _Carried.apply(field, back, grid, sharp)


class _Traced(torch.autograd.Function):
    """The displacements (dim, *nodes) of cell centres back along the flow."""

    @staticmethod
    def forward(ctx: Any, velocity: Tensor, grid: Grid, step: float) -> Tensor:
        ctx.save_for_backward(velocity.clone())  # steps write on it
        ctx.what = grid, step
        steps = advection_kernels if are_plain(velocity) else advection_torch
        back = torch.zeros_like(velocity)
        steps.trace(velocity, back, grid, step)
        return back

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (velocity,) = ctx.saved_tensors
        grid, step = ctx.what
        dtype = velocity.dtype
        parts = torch.zeros((grid.dim, *velocity.shape), dtype=dtype)
        ways = torch.zeros_like(parts)  # by the component that is interpolated
        _trace_back(
            _rows(grads[0]), _rows(velocity), parts.view(grid.dim, grid.dim, -1).numpy(),
            ways.view(grid.dim, grid.dim, -1).numpy(), *_shape(grid), step,
        )  # fmt: skip
        way = grid.cells(ways.sum(0)) * (-0.25 * step)
        found = parts.sum(0)
        for axis, n in enumerate(grid.shape):
            own = grid.faces(found, axis)
            own.narrow(axis, 0, n).add_(way[axis])
            own.narrow(axis, 1, n).add_(way[axis])
        return found, None, None


class _Carried(torch.autograd.Function):
    """A face field carried along the traces, both (dim, *nodes)."""

    @staticmethod
    def forward(ctx: Any, field: Tensor, back: Tensor, grid: Grid, sharp: bool) -> Tensor:
        ctx.save_for_backward(field, back)
        ctx.what = grid, sharp
        steps = advection_kernels if are_plain(field, back) else advection_torch
        carry = steps.carry_sharply if sharp else steps.carry
        out = torch.zeros_like(field)
        for axis in range(grid.dim):
            carry(field[axis], back, out[axis], axis, grid)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        field, back = ctx.saved_tensors
        grid, sharp = ctx.what
        of_field = torch.zeros(field.shape, dtype=field.dtype)
        of_back = torch.zeros((grid.dim, *back.shape), dtype=back.dtype)  # by component
        _carry_back(
            _rows(grads[0]), _rows(field), _rows(back), of_field.view(grid.dim, -1).numpy(),
            of_back.view(grid.dim, grid.dim, -1).numpy(), *_shape(grid), sharp,
        )  # fmt: skip
        return of_field, of_back.sum(0), None, None


def _rows(field: Tensor) -> np.ndarray:
    """A field (dim, *nodes) as (dim, nodes)."""
    return field.detach().contiguous().view(len(field), -1).numpy()


def _shape(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Shape and strides of three axes."""
    missing = 3 - grid.dim
    return np.array((1,) * missing + grid.shape), np.array((0,) * missing + grid.strides)


@numba.njit(cache=True, parallel=True)
def _trace_back(gradient, velocity, parts, ways, shape, strides, step):
    """Add to parts and ways, (dim, dim, nodes); parts[k, k] is the gradient of component k by its
    interpolation, ways[k] that of where it is interpolated. gradient, velocity: (dim, nodes)."""
    dim = len(velocity)
    missing = 3 - dim
    for component in numba.prange(dim):
        axis, field = component + missing, velocity[component]
        weights, slopes = np.zeros((3, 4), field.dtype), np.zeros((3, 4), field.dtype)
        offsets, sums = np.zeros((3, 4), np.int64), np.zeros(4, field.dtype)
        for row in range(shape[0] * shape[1]):
            a, b = row // shape[1], row % shape[1]
            for c in range(shape[2]):
                here = a * strides[0] + b * strides[1] + c * strides[2]
                given = -step * gradient[component, here]
                if given == 0:
                    continue
                base = 0
                for k in range(3):
                    x = (a if k == 0 else b if k == 1 else c) + 0.5
                    if k >= missing:
                        below, above = (
                            velocity[k - missing, here],
                            velocity[k - missing, here + strides[k]],
                        )
                        x -= 0.25 * step * (below + above)
                    base += strides[k] * set_taps(
                        k, x, k == axis, shape[k], strides[k], False, weights, slopes, offsets
                    )
                set_sums(field, base, weights, slopes, offsets, sums)
                add_taps(given, base, weights, offsets, parts[component, component])
                for k in range(missing, 3):
                    ways[component, k - missing, here] = given * sums[k]


@numba.njit(cache=True, parallel=True)
def _carry_back(gradients, fields, back, of_fields, of_back, shape, strides, sharp):
    """Add to of_fields (dim, nodes) and of_back (dim, dim, nodes). gradients, fields, back:
    (dim, nodes)."""
    dim = len(back)
    missing = 3 - dim
    for component in numba.prange(dim):
        axis = component + missing
        gradient, field, of_field = gradients[component], fields[component], of_fields[component]
        weights, slopes = np.zeros((3, 4), field.dtype), np.zeros((3, 4), field.dtype)
        offsets, steps = np.zeros((3, 4), np.int64), np.zeros(3, np.int64)
        sums = np.zeros(4, field.dtype)
        count = shape.copy()
        count[axis] += 1
        for k in range(3):
            steps[k] = strides[k] * min(count[k] - 1, 1)
        for row in range(count[0] * count[1]):
            a, b = row // count[1], row % count[1]
            for c in range(count[2]):
                here = a * strides[0] + b * strides[1] + c * strides[2]
                given = gradient[here]
                if given == 0:
                    continue
                at = a if axis == 0 else b if axis == 1 else c
                lower = here - strides[axis] * min(at, 1)
                upper = here - strides[axis] * max(at - shape[axis] + 1, 0)
                base = 0
                for k in range(3):
                    x = (a if k == 0 else b if k == 1 else c) + (0.0 if k == axis else 0.5)
                    if k >= missing:
                        low, high = back[k - missing, lower], back[k - missing, upper]
                        x += 0.5 * (np.float64(low) + np.float64(high))
                    base += strides[k] * set_taps(
                        k, x, k == axis, shape[k], strides[k], sharp, weights, slopes, offsets
                    )
                set_sums(field, base, weights, slopes, offsets, sums)
                if sharp:
                    limited, limit = limit_of(field, base, steps, sums[3])
                    if limited:
                        spread(given, limit, field, base, steps, of_field)
                        continue
                add_taps(given, base, weights, offsets, of_field)
                for k in range(missing, 3):
                    half = given * sums[k] / 2
                    of_back[component, k - missing, lower] += half
                    of_back[component, k - missing, upper] += half
