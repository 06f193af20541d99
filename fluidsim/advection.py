# pyright: reportInvalidTypeForm=false, reportIndexIssue=false
"""Advection on the grid: semi-Lagrangian and MacCormack, faces and cells, 2D and 3D.

Stam 1999, "Stable fluids" (tracing back along the flow); Selle et al. 2008, "An unconditionally
stable MacCormack method" (correction by tracing forth again, clamped to the values it came from).
Traces use the midpoint rule. Positions are in cells, fields flat over the nodes (see grid.py).
"""

import functools
import itertools
from types import SimpleNamespace
from typing import Any

import taichi as ti
import torch
from torch import Tensor

from fluidsim import scheduling
from fluidsim.grid import Grid
from fluidsim.scheduling import Schedule, dealt_item, loop_length
from fluidsim.solids import Solids

F32: Any = ti.types.ndarray(dtype=ti.f32, ndim=1)
METHODS = ("maccormack", "semi-lagrangian")


class Advection:
    """Carries fields along a velocity field; keeps the work arrays between steps.

    method: "maccormack" or "semi-lagrangian".
    """

    def __init__(self, grid: Grid, device: torch.device, method: str = "maccormack"):
        if method not in METHODS:
            raise ValueError(f"no advection method {method!r}; there are {', '.join(METHODS)}")
        self.grid = grid
        self.corrected = method == "maccormack"
        self.kernels = kernels(grid.dim, scheduling.for_device(device))
        self._lowest, self._highest = (grid.zeros(device, grid.dim) for _ in range(2))

    def faces(self, field: Tensor, velocity: Tensor, dt: float, solids: Solids) -> Tensor:
        """The face field (dim, *nodes) after `dt` seconds of flow along `velocity`."""
        return self._carry(field, velocity, dt, solids, on_faces=True)

    def cells(self, field: Tensor, velocity: Tensor, dt: float, solids: Solids) -> Tensor:
        """The cell fields (components, *nodes) likewise; what comes in at open sides is 0."""
        return self._carry(field, velocity, dt, solids, on_faces=False)

    def _carry(
        self, field: Tensor, velocity: Tensor, dt: float, solids: Solids, on_faces: bool
    ) -> Tensor:
        grid, ivec = self.grid, self.kernels.ivec
        geometry = (
            field.shape[0],
            int(on_faces),
            ivec(*grid.shape),
            ivec(*grid.strides),
            ivec(*(int(solids.is_open(axis, False)) for axis in range(grid.dim))),
            ivec(*(int(solids.is_open(axis, True)) for axis in range(grid.dim))),
            grid.node_count,
            dt / grid.dx,
        )
        old, flow = field.view(-1), velocity.view(-1)
        lowest, highest = self._lowest.view(-1), self._highest.view(-1)
        predicted = torch.zeros_like(field)
        self.kernels.predict(old, flow, predicted.view(-1), lowest, highest, *geometry)
        if not self.corrected:
            return predicted
        result = torch.zeros_like(field)
        self.kernels.correct(
            old, predicted.view(-1), flow, result.view(-1), lowest, highest, *geometry
        )
        return result


@functools.cache
def kernels(dim: int, schedule: Schedule) -> SimpleNamespace:
    corners = list(itertools.product(*[(0, 1)] * dim))
    vec: Any = ti.types.vector(dim, ti.f32)
    ivec: Any = ti.types.vector(dim, ti.i32)

    @ti.func
    def split(x: ti.template(), shape: ti.template()):
        """Lower index and fraction on faces normal to an axis, and along the others."""
        top = ti.cast(shape, ti.f32)
        inside = ti.max(0.0, ti.min(x, top))
        across = ti.min(ti.cast(inside, ti.i32), shape - 1)
        shifted = ti.max(0.0, ti.min(x - 0.5, top - 1.0))
        along = ti.cast(shifted, ti.i32)
        return across, inside - across, along, shifted - along

    @ti.func
    def flow(velocity: ti.template(), x: ti.template(), shape: ti.template(),
             strides: ti.template(), nodes: ti.i32):  # fmt: skip
        across, across_part, along, along_part = split(x, shape)
        result = vec(0.0)
        for a in ti.static(range(dim)):
            base = a * nodes
            for k in ti.static(range(dim)):
                base += (across[k] if ti.static(k == a) else along[k]) * strides[k]
            total = 0.0
            for corner in ti.static(corners):
                weight = 1.0
                i = base
                for k in ti.static(range(dim)):
                    part = across_part[k] if ti.static(k == a) else along_part[k]
                    weight *= part if ti.static(corner[k] == 1) else 1.0 - part
                    if ti.static(corner[k] == 1):
                        i += strides[k]
                total += weight * velocity[i]
            result[a] = total
        return result

    @ti.func
    def flow_on_grid(velocity: ti.template(), i: ti.i32, at: ti.template(), axis: ti.i32,
                     shape: ti.template(), strides: ti.template(), nodes: ti.i32):  # fmt: skip
        """Velocity at the face normal to `axis` (the cell for -1) of flat index i: plain means."""
        below = 0
        above = 0
        for k in ti.static(range(dim)):
            if k == axis:
                below = -strides[k] if at[k] > 0 else 0
                above = -strides[k] if at[k] == shape[k] else 0
        result = vec(0.0)
        for b in ti.static(range(dim)):
            j = b * nodes + i
            result[b] = velocity[j]
            if b != axis:
                up = strides[b]
                result[b] = 0.25 * (
                    velocity[j + below] + velocity[j + above]
                    + velocity[j + below + up] + velocity[j + above + up]
                )  # fmt: skip
        return result

    @ti.func
    def traced(velocity: ti.template(), x: ti.template(), i: ti.i32, at: ti.template(),
               axis: ti.i32, step: ti.f32, shape: ti.template(), strides: ti.template(),
               nodes: ti.i32):  # fmt: skip
        here = flow_on_grid(velocity, i, at, axis, shape, strides, nodes)
        return x + step * flow(velocity, x + 0.5 * step * here, shape, strides, nodes)

    @ti.func
    def came_in(x: ti.template(), shape: ti.template(), low: ti.template(), high: ti.template()):
        """Whether x lies beyond an open side."""
        result = False
        for k in ti.static(range(dim)):
            result = result or (x[k] < 0.0 and low[k] == 1) or (x[k] > shape[k] and high[k] == 1)
        return result

    @ti.func
    def read(field: ti.template(), first: ti.i32, x: ti.template(), axis: ti.i32,
             shape: ti.template(), strides: ti.template()):  # fmt: skip
        """(value, lowest, highest) around x; axis: of the faces, or -1 for cells."""
        across, across_part, along, along_part = split(x, shape)
        part = vec(0.0)
        base = first
        for k in ti.static(range(dim)):
            part[k] = across_part[k] if k == axis else along_part[k]
            base += (across[k] if k == axis else along[k]) * strides[k]
        total = 0.0
        lowest = field[base]
        highest = lowest
        for corner in ti.static(corners):
            weight = 1.0
            i = base
            for k in ti.static(range(dim)):
                weight *= part[k] if ti.static(corner[k] == 1) else 1.0 - part[k]
                if ti.static(corner[k] == 1):
                    i += strides[k]
            value = field[i]
            total += weight * value
            if weight > 0.0:
                lowest = ti.min(lowest, value)
                highest = ti.max(highest, value)
        return total, lowest, highest

    @ti.func
    def row_start(row: ti.i32, shape: ti.template()):
        at = ivec(0)
        rest = row
        for kk in ti.static(range(1, dim)):
            k = ti.static(dim - 1 - kk)
            at[k] = rest % (shape[k] + 1)
            rest = rest // (shape[k] + 1)
        return at

    @ti.func
    def located(at: ti.template(), axis: ti.i32, shape: ti.template()):
        """Where the face normal to `axis` (the cell for -1) of this index is, and if it is."""
        x = ti.cast(at, ti.f32)
        exists = True
        for k in ti.static(range(dim)):
            if k != axis:
                x[k] += 0.5
                exists = exists and at[k] < shape[k]
        return x, exists

    @ti.kernel
    def predict(field: F32, velocity: F32, predicted: F32, lowest: F32, highest: F32,
                components: ti.i32, on_faces: ti.i32, shape: ivec, strides: ivec, low: ivec,
                high: ivec, nodes: ti.i32, step: ti.f32):  # fmt: skip
        """Semi-Lagrangian step, and the range of the values it was made of."""
        length = shape[dim - 1] + 1
        rows = nodes // length
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, shape)
            for z in range(length):
                i = row * length + z
                at[dim - 1] = z
                for place in range(dim if on_faces == 1 else 1):
                    axis = place if on_faces == 1 else -1
                    x, exists = located(at, axis, shape)
                    if not exists:
                        continue
                    origin = traced(velocity, x, i, at, axis, -step, shape, strides, nodes)
                    fresh = on_faces == 0 and came_in(origin, shape, low, high)
                    for c in range(place, place + 1 if on_faces == 1 else components):
                        value, least, most = 0.0, 0.0, 0.0
                        if not fresh:
                            value, least, most = read(
                                field, c * nodes, origin, axis, shape, strides
                            )
                        j = c * nodes + i
                        predicted[j] = value
                        lowest[j] = least
                        highest[j] = most

    @ti.kernel
    def correct(field: F32, predicted: F32, velocity: F32, result: F32, lowest: F32,
                highest: F32, components: ti.i32, on_faces: ti.i32, shape: ivec, strides: ivec,
                low: ivec, high: ivec, nodes: ti.i32, step: ti.f32):  # fmt: skip
        """Half of the error of going there and back is taken off, within the range."""
        length = shape[dim - 1] + 1
        rows = nodes // length
        for index in range(loop_length(rows, schedule)):
            row = dealt_item(index, rows, schedule)
            if row >= rows:
                continue
            at = row_start(row, shape)
            for z in range(length):
                i = row * length + z
                at[dim - 1] = z
                for place in range(dim if on_faces == 1 else 1):
                    axis = place if on_faces == 1 else -1
                    x, exists = located(at, axis, shape)
                    if not exists:
                        continue
                    target = traced(velocity, x, i, at, axis, step, shape, strides, nodes)
                    outside = came_in(target, shape, low, high)
                    for c in range(place, place + 1 if on_faces == 1 else components):
                        j = c * nodes + i
                        value = predicted[j]
                        if not outside:
                            back, _, _ = read(predicted, c * nodes, target, axis, shape, strides)
                            value += 0.5 * (field[j] - back)
                        result[j] = ti.max(lowest[j], ti.min(value, highest[j]))

    return SimpleNamespace(ivec=ivec, predict=predict, correct=correct)
