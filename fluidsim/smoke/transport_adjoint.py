"""Recorded transport on the CPU: the sweep of conservative transport and its adjoint.

The forward pass is the kernel, or the torch definition for doubles. Lines do not depend on one
another, so the way back goes through them in parallel, and its sums repeat bit for bit. Where a
value is limited, the gradient is that of the definition; ties are shared in equal parts.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_plain
from fluidsim.smoke import transport_kernels, transport_torch
from fluidsim.smoke.transport_kernels import GROUP, RIM, fetch, store
from fluidsim.smoke.transport_torch import LEAST_VOLUME
from solvers import kernel_cache  # noqa: F401


def sweep(values: Tensor, volume: Tensor, flux: Tensor, axis: int, grid: Grid) -> Tensor:
    """As in transport_torch."""
    return _Swept.apply(values, volume, flux, axis, grid)[2]


class _Swept(torch.autograd.Function):
    """Values and volume after a sweep, in place, and what left."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, volume: Tensor, flux: Tensor, axis: int, grid: Grid
    ) -> tuple[Tensor, Tensor, Tensor]:
        before, full = values.clone(), volume.clone()
        form = transport_kernels if are_plain(values, volume, flux) else transport_torch
        left = form.sweep(values, volume, flux, axis, grid)
        ctx.save_for_backward(before, full, flux)
        ctx.what = axis, grid
        ctx.mark_dirty(values, volume)
        ctx.mark_non_differentiable(left)
        return values, volume, left

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        before, full, flux = ctx.saved_tensors
        axis, grid = ctx.what
        missing = 3 - grid.dim
        of_values, of_volume = (
            each.clone(memory_format=torch.contiguous_format) for each in grads[:2]
        )
        of_flux = torch.zeros_like(flux, memory_format=torch.contiguous_format)
        shape = np.array((1,) * missing + grid.shape)
        strides = np.array((0,) * missing + grid.strides)
        _sweep_back(
            _rows(before), _rows(of_values), _flat(full), _flat(flux), _flat(of_volume),
            _flat(of_flux), axis + missing, shape, strides,
        )  # fmt: skip
        return of_values, of_volume, of_flux, None, None


def _rows(fields: Tensor) -> np.ndarray:
    """Fields (components, *nodes) as (components, nodes)."""
    return fields.detach().contiguous().view(len(fields), -1).numpy()


def _flat(field: Tensor) -> np.ndarray:
    """A field (*nodes) as (nodes,)."""
    return field.detach().contiguous().view(-1).numpy()


@numba.njit(cache=True, parallel=True, error_model="numpy")
def _sweep_back(before, of_values, full, flux, of_volume, of_flux, axis, shape, strides):
    """Turn the gradients of_values (components, nodes) and of_volume (nodes,) of what came of the
    sweep into those of what went in, and set of_flux (nodes,)."""
    components, n, step = len(before), shape[axis], strides[axis]
    other = 1 if axis == 0 else 0
    along = 1 if axis == 2 else 2  # the axis along which lines are neighbours
    groups = (shape[along] + GROUP - 1) // GROUP
    for task in numba.prange(shape[other] * groups):
        first = task % groups * GROUP
        count, across = min(GROUP, shape[along] - first), strides[along]
        start = task // groups * strides[other] + first * across
        through, of_through = np.empty((count, n + 1)), np.empty((count, n + 1))
        sizes, new = np.empty((count, n)), np.empty((count, n))
        of_sizes, of_new = np.zeros((count, n)), np.empty((count, n))
        old, given = np.empty((count, n)), np.empty((count, n))
        row, of_row = np.empty(n + 2 * RIM), np.empty(n + 2 * RIM)
        lines = np.empty((7, n + 1))
        fetch(flux, start, step, across, through)
        fetch(full, start, step, across, sizes)
        fetch(of_volume, start, step, across, of_new)
        of_through[:] = 0.0
        _set_volume(sizes, through, new)
        for component in range(components):
            fetch(before[component], start, step, across, old)
            fetch(of_values[component], start, step, across, given)
            for line in range(count):
                row[RIM:-RIM] = old[line]
                _carry_back(
                    row, sizes[line], new[line], through[line], given[line],
                    of_row, of_sizes[line], of_new[line], of_through[line], lines,
                )  # fmt: skip
                given[line] = of_row[RIM:-RIM]
            store(given, start, step, across, of_values[component])
        for line in range(count):
            _volume_back(sizes[line], through[line], of_new[line], of_sizes[line], of_through[line])
        store(of_sizes, start, step, across, of_volume)
        store(of_through, start, step, across, of_flux)


@numba.njit(cache=True, error_model="numpy")
def _set_volume(sizes, through, new):
    for line in range(len(sizes)):
        for i in range(sizes.shape[1]):
            size = sizes[line, i] - (through[line, i + 1] - through[line, i])
            new[line, i] = max(size, LEAST_VOLUME)


@numba.njit(cache=True, error_model="numpy")
def _volume_back(sizes, through, of_new, of_sizes, of_through):
    """Where the volume is not held at its least, it is the old one less what flows out."""
    for i in range(len(sizes)):
        if sizes[i] - (through[i + 1] - through[i]) >= LEAST_VOLUME:
            of_sizes[i] += of_new[i]
            of_through[i] += of_new[i]
            of_through[i + 1] -= of_new[i]


@numba.njit(cache=True, error_model="numpy")
def _carry_back(row, volume, new, flux, given, of_row, of_volume, of_new, of_flux, lines):
    """Set of_row, and add to of_volume, of_new and of_flux, what one component of a line gives.

    row: the values (n + 2 RIM,) before. given: the gradient of those after. lines: scratch memory.
    """
    n = len(volume)
    edge, low, high, moved, of_edge, of_low, of_high = lines
    for rim in range(RIM):
        row[rim], row[n + 2 * RIM - 1 - rim] = row[RIM], row[n + RIM - 1]
    _set_ends(row, n, edge, low, high)
    field, of_field = row[RIM:-RIM], of_row[RIM:-RIM]
    of_row[:] = 0.0
    for i in range(n):
        given[i] /= new[i]
        of_field[i] = given[i] * volume[i]
        of_volume[i] += given[i] * field[i]
        of_low[i], of_high[i] = 0.0, 0.0
    _through_back(
        given, flux, volume, field, low, high, moved, of_field, of_volume, of_flux, of_low, of_high
    )
    for i in range(n):
        amount = field[i] * volume[i] - (moved[i + 1] - moved[i])
        of_new[i] -= given[i] * amount / new[i]
    _ends_back(row, n, edge, of_low, of_high, of_edge, of_row)
    for rim in range(RIM):
        of_row[RIM] += of_row[rim]
        of_row[n + RIM - 1] += of_row[n + RIM + rim]


@numba.njit(cache=True, error_model="numpy")
def _through_back(
    given, flux, volume, field, low, high, moved, of_field, of_volume, of_flux, of_low, of_high
):  # fmt: skip
    """Set `moved`, the amounts that flow through the faces, and add what they give.

    given: the gradient of what the cells then hold."""
    n = len(volume)
    for face in range(n + 1):
        upwards = flux[face] > 0
        step, cell = (-1, face - 1) if upwards else (1, face)
        rest, side = (flux[face], -0.5) if upwards else (-flux[face], 0.5)
        change = (given[face] if face < n else 0.0) - (given[face - 1] if face > 0 else 0.0)
        change *= -step
        total = 0.0
        while 0 <= cell < n and rest >= volume[cell]:
            total += volume[cell] * field[cell]
            of_field[cell] += volume[cell] * change
            of_volume[cell] += field[cell] * change
            rest -= volume[cell]
            cell += step
        moved[face] = -step * total
        if not 0 <= cell < n:
            continue
        share = rest / volume[cell]
        slope, tilt = high[cell] - low[cell], 1 - share * (2 / 3)
        bend = 6 * field[cell] - 3 * (low[cell] + high[cell])
        lean = side * slope + 0.5 * tilt * bend
        part = (high[cell] if upwards else low[cell]) + share * lean
        moved[face] -= step * rest * part
        of_part = change * rest
        of_slope, of_bend = of_part * side * share, of_part * 0.5 * share * tilt
        of_high[cell] += of_slope - 3 * of_bend + (of_part if upwards else 0.0)
        of_low[cell] -= of_slope + 3 * of_bend - (0.0 if upwards else of_part)
        of_field[cell] += 6 * of_bend
        of_share = change * share * (lean - share * bend / 3)
        of_volume[cell] -= of_share * share
        of_rest = change * part + of_share
        of_flux[face] -= step * of_rest
        whole = face - 1 if upwards else face
        while whole != cell:
            of_volume[whole] -= of_rest
            whole += step


@numba.njit(cache=True, error_model="numpy")
def _set_ends(row, n, edge, low, high):
    """The values between the cells, and those of the parabolas at both ends of each cell."""
    for i in range(n + 1):
        below, above = row[i + 1], row[i + 2]
        raw = (7 * (below + above) - row[i] - row[i + 3]) / 12
        edge[i] = max(min(below, above), min(raw, max(below, above)))
    for i in range(n):
        here, lower, upper = row[i + RIM], edge[i], edge[i + 1]
        slope, off = upper - lower, 6 * here - 3 * (lower + upper)
        peak = (upper - here) * (here - lower) <= 0
        steep, limit = slope * off, slope * slope
        low[i] = here if peak else 3 * here - 2 * upper if steep > limit else lower
        high[i] = here if peak else 3 * here - 2 * lower if steep < -limit else upper


@numba.njit(cache=True, error_model="numpy")
def _ends_back(row, n, edge, of_low, of_high, of_edge, of_row):
    """Add what the ends of the parabolas give to of_row (n + 2 RIM,)."""
    of_edge[:] = 0.0
    for i in range(n):
        here, lower, upper = row[i + RIM], edge[i], edge[i + 1]
        slope, off = upper - lower, 6 * here - 3 * (lower + upper)
        steep, limit = slope * off, slope * slope
        if (upper - here) * (here - lower) <= 0:
            of_row[i + RIM] += of_low[i] + of_high[i]
            continue
        if steep > limit:
            of_row[i + RIM] += 3 * of_low[i]
            of_edge[i + 1] -= 2 * of_low[i]
        else:
            of_edge[i] += of_low[i]
        if steep < -limit:
            of_row[i + RIM] += 3 * of_high[i]
            of_edge[i] -= 2 * of_high[i]
        else:
            of_edge[i + 1] += of_high[i]
    for i in range(n + 1):
        given = of_edge[i]
        if given == 0:
            continue
        below, above = row[i + 1], row[i + 2]
        raw = (7 * (below + above) - row[i] - row[i + 3]) / 12
        least, most = min(below, above), max(below, above)
        lowest = given * _share(min(raw, most), least)
        highest = (given - lowest) * _share(most, raw)
        free = (given - lowest - highest) / 12
        of_row[i] -= free
        of_row[i + 3] -= free
        is_above = _share(below, above)  # that the upper one is the greater
        of_row[i + 1] += 7 * free + lowest * is_above + highest * (1 - is_above)
        of_row[i + 2] += 7 * free + lowest * (1 - is_above) + highest * is_above


@numba.njit(cache=True)
def _share(one, other):
    """The part of a gradient of which the `other` value, where it is the greater, has all: 1, 1/2
    for equal ones, or 0."""
    return 1.0 if other > one else 0.5 if other == one else 0.0
