# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Advection on the grid: semi-Lagrangian and MacCormack, faces and cells, 2D and 3D.

Stam 1999, "Stable fluids" (tracing back along the flow); Selle et al. 2008, "An unconditionally
stable MacCormack method" (correction by tracing forth again, clamped to the values it came from).
Traces start in the cells, those of a face are the mean of its cells'. Back they use the midpoint
rule, d = dt u(x - dt u(x) / 2); forth they are 2 dt u(x) - d, the same to third order in dt.
Positions are in cells, fields flat over the nodes (see grid.py).
"""

import functools
import itertools
from types import SimpleNamespace
from typing import Any

import taichi as ti
import torch
from torch import Tensor

from fluidsim import scheduling
from fluidsim.scheduling import Schedule, dealt_item, loop_length
from fluidsim.solids import Solids

F32: Any = ti.types.ndarray(dtype=ti.f32, ndim=1)
METHODS = ("maccormack", "semi-lagrangian")
CELLS = -1  # in place of the axis of faces
FAR = 1e9  # cells: beyond everything


class Advection:
    """Carries fields along a velocity field; keeps the work arrays between steps.

    method: "maccormack" or "semi-lagrangian".
    """

    def __init__(self, solids: Solids, method: str = "maccormack"):
        if method not in METHODS:
            raise ValueError(f"no advection method {method!r}; there are {', '.join(METHODS)}")
        grid, device = solids.grid, solids.device
        self.grid = grid
        self.corrected = method == "maccormack"
        self.kernels = kernels(grid.dim, scheduling.for_device(device))
        self._geometry = {axis: self._places(solids, axis) for axis in range(CELLS, grid.dim)}
        self._back, self._forth = (grid.zeros(device, grid.dim).view(-1) for _ in range(2))
        self._predicted, self._lowest, self._highest = (
            torch.empty(0, device=device) for _ in range(3)
        )

    def trace(self, velocity: Tensor, dt: float) -> None:
        """Find where the flow comes from and where it goes in `dt` seconds; call this first.

        velocity: (dim, *nodes), m/s.
        """
        grid, ivec = self.grid, self.kernels.ivec
        self.kernels.trace(
            velocity.view(-1), self._back, self._forth, ivec(*grid.shape), ivec(*grid.strides),
            grid.node_count, dt / grid.dx,
        )  # fmt: skip

    def faces(self, field: Tensor, out: Tensor | None = None) -> Tensor:
        """The face field (dim, *nodes) carried along the flow that was traced.

        out: another such field that takes the result; stored points beyond the grid keep theirs.
        """
        out = torch.zeros_like(field) if out is None else out
        for axis in range(self.grid.dim):
            self._carry(field[axis : axis + 1], out[axis : axis + 1], axis)
        return out

    def cells(self, field: Tensor, out: Tensor | None = None) -> Tensor:
        """The cell fields (components, *nodes) likewise; what comes in at open sides is 0."""
        out = torch.zeros_like(field) if out is None else out
        self._carry(field, out, CELLS)
        return out

    def _places(self, solids: Solids, axis: int) -> tuple[Any, ...]:
        """What the kernels are told of the faces normal to an axis, or of the cells."""
        grid, ivec, vec = self.grid, self.kernels.ivec, self.kernels.vec
        unit = [int(k == axis) for k in range(grid.dim)]
        low, high = [-FAR] * grid.dim, [FAR] * grid.dim
        for k, n in enumerate(grid.shape):
            if axis == CELLS and solids.is_open(k, False):
                low[k] = 0.0
            if axis == CELLS and solids.is_open(k, True):
                high[k] = float(n)
        return (
            ivec(*unit), ivec(*grid.shape), ivec(*grid.strides), vec(*low), vec(*high),
            grid.node_count,
        )  # fmt: skip

    def _carry(self, field: Tensor, out: Tensor, axis: int) -> None:
        geometry = (field.shape[0], *self._geometry[axis])
        if self._lowest.numel() < field.numel():
            self._predicted, self._lowest, self._highest = (
                torch.zeros_like(field).view(-1) for _ in range(3)
            )
        old, result = field.view(-1), out.view(-1)
        predicted = self._predicted if self.corrected else result
        limits = self._lowest, self._highest
        self.kernels.predict(old, self._back, predicted, *limits, *geometry)
        if self.corrected:
            self.kernels.correct(old, self._forth, predicted, *limits, result, *geometry)


@functools.cache
def kernels(dim: int, schedule: Schedule) -> SimpleNamespace:
    corners = list(itertools.product(*[(0, 1)] * dim))
    count = len(corners)
    vec: Any = ti.types.vector(dim, ti.f32)
    ivec: Any = ti.types.vector(dim, ti.i32)
    corner_vec: Any = ti.types.vector(count, ti.f32)

    @ti.func
    def around(field: ti.template(), base: ti.i32, steps: ti.template()):
        """Values at the corners of a box of the grid, the last axis counting fastest."""
        values = corner_vec(0.0)
        for c in ti.static(range(count)):
            i = base
            for k in ti.static(range(dim)):
                if ti.static(corners[c][k] == 1):
                    i += steps[k]
            values[c] = field[i]
        return values

    @ti.func
    def between(corner: ti.template(), part: ti.template()):
        """Multilinear, `part` of the way along each axis."""
        values = corner
        for k in ti.static(range(dim)):
            half = ti.static(count >> (k + 1))
            for c in ti.static(range(half)):
                values[c] += part[k] * (values[c + half] - values[c])
        return values[0]

    @ti.func
    def flow(velocity: ti.template(), x: ti.template(), shape: ti.template(),
             strides: ti.template(), nodes: ti.i32):  # fmt: skip
        top = ti.cast(shape, ti.f32)
        inside = ti.max(0.0, ti.min(x, top))
        across = ti.min(ti.cast(inside, ti.i32), shape - 1)
        shifted = ti.max(0.0, ti.min(x - 0.5, top - 1.0))
        along = ti.cast(shifted, ti.i32)
        result = vec(0.0)
        for a in ti.static(range(dim)):
            base = a * nodes
            part = shifted - along
            part[a] = inside[a] - across[a]
            for k in ti.static(range(dim)):
                base += (across[k] if ti.static(k == a) else along[k]) * strides[k]
            result[a] = between(around(velocity, base, strides), part)
        return result

    @ti.func
    def displacement(field: ti.template(), i: ti.i32, at: ti.template(), unit: ti.template(),
                     shape: ti.template(), strides: ti.template()):  # fmt: skip
        """Mean over the cells of the face normal to `unit` (of the cell for 0)."""
        lower = i
        upper = i
        for k in ti.static(range(dim)):
            lower -= unit[k] * (strides[k] if at[k] > 0 else 0)
            upper -= unit[k] * (strides[k] if at[k] == shape[k] else 0)
        result = vec(0.0)
        for k in ti.static(range(dim)):
            result[k] = 0.5 * (field[lower * dim + k] + field[upper * dim + k])
        return result

    @ti.func
    def is_beyond(x: ti.template(), low: ti.template(), high: ti.template()):
        result = 0
        for k in ti.static(range(dim)):
            result |= ti.cast(x[k] < low[k], ti.i32) | ti.cast(x[k] > high[k], ti.i32)
        return result

    @ti.func
    def share_inside(x: ti.template(), low: ti.template(), high: ti.template()):
        """0 from half a cell beyond the rims on, 1 from the first centres on, linear between."""
        share = 1.0
        for k in ti.static(range(dim)):
            share *= ti.max(0.0, ti.min(1.0, ti.min(x[k] - low[k], high[k] - x[k]) + 0.5))
        return share

    @ti.func
    def place(x: ti.template(), unit: ti.template(), shape: ti.template(),
              strides: ti.template()):  # fmt: skip
        """Lowest of the points around x, the way from it along each axis, steps to the others."""
        top = shape - 1 + unit
        inside = ti.max(0.0, ti.min(x - 0.5 * (1 - unit), ti.cast(top, ti.f32)))
        lower = ti.min(ti.cast(inside, ti.i32), ti.max(top - 1, 0))
        base = 0
        for k in ti.static(range(dim)):
            base += lower[k] * strides[k]
        return base, inside - lower, strides * ti.min(top, 1)

    @ti.func
    def row_count(extent: ti.template()):
        rows = 1
        for k in ti.static(range(dim - 1)):
            rows *= extent[k]
        return rows

    @ti.func
    def row_start(row: ti.i32, extent: ti.template()):
        at = ivec(0)
        rest = row
        for kk in ti.static(range(1, dim)):
            k = ti.static(dim - 1 - kk)
            at[k] = rest % extent[k]
            rest = rest // extent[k]
        return at

    @ti.kernel
    def trace(velocity: F32, back: F32, forth: F32, shape: ivec, strides: ivec, nodes: ti.i32,
              step: ti.f32):  # fmt: skip
        """Displacements in the cells, back and forth along the flow."""
        rows = row_count(shape)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, shape)
            first = at.dot(strides)
            for z in range(shape[dim - 1]):
                i = first + z
                at[dim - 1] = z
                here = vec(0.0)
                for k in ti.static(range(dim)):
                    j = k * nodes + i
                    here[k] = 0.5 * step * (velocity[j] + velocity[j + strides[k]])
                there = step * flow(velocity, at + 0.5 - 0.5 * here, shape, strides, nodes)
                for k in ti.static(range(dim)):
                    back[i * dim + k] = -there[k]
                    forth[i * dim + k] = 2.0 * here[k] - there[k]

    @ti.kernel
    def predict(field: F32, back: F32, predicted: F32, lowest: F32, highest: F32,
                components: ti.i32, unit: ivec, shape: ivec, strides: ivec, low: vec, high: vec,
                nodes: ti.i32):  # fmt: skip
        """Semi-Lagrangian step, and the range of the values it was made of."""
        extent = shape + unit
        rows = row_count(extent)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, extent)
            first = at.dot(strides)
            for z in range(extent[dim - 1]):
                i = first + z
                at[dim - 1] = z
                x = at + 0.5 * (1 - unit) + displacement(back, i, at, unit, shape, strides)
                share = share_inside(x, low, high)
                base, part, steps = place(x, unit, shape, strides)
                for c in range(components):
                    j = c * nodes + i
                    values = share * around(field, c * nodes + base, steps)
                    predicted[j] = between(values, part)
                    lowest[j] = values.min()
                    highest[j] = values.max()

    @ti.kernel
    def correct(field: F32, forth: F32, predicted: F32, lowest: F32, highest: F32, result: F32,
                components: ti.i32, unit: ivec, shape: ivec, strides: ivec, low: vec, high: vec,
                nodes: ti.i32):  # fmt: skip
        """Half of the error of going there and back is taken off, within the range."""
        extent = shape + unit
        rows = row_count(extent)
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, extent)
            first = at.dot(strides)
            for z in range(extent[dim - 1]):
                i = first + z
                at[dim - 1] = z
                x = at + 0.5 * (1 - unit) + displacement(forth, i, at, unit, shape, strides)
                share = 0.0 if is_beyond(x, low, high) == 1 else 0.5
                base, part, steps = place(x, unit, shape, strides)
                for c in range(components):
                    j = c * nodes + i
                    value = predicted[j]
                    if lowest[j] < highest[j]:
                        returned = between(around(predicted, c * nodes + base, steps), part)
                        value += share * (field[j] - returned)
                        value = ti.max(lowest[j], ti.min(value, highest[j]))
                    result[j] = value

    return SimpleNamespace(ivec=ivec, vec=vec, trace=trace, predict=predict, correct=correct)
