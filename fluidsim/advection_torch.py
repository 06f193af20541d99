"""The steps of advection as torch expressions: on any device, and what the kernels must do.

Positions are in cells; fields are stored on the nodes (see grid.py). The points of a step are the
faces normal to an axis, or the cells for CELLS. rims: (low, high), each (dim,), in cells: beyond
them fields of cells are 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from fluidsim.grid import Grid

CELLS = -1  # in place of the axis of faces
Rims = tuple[Sequence[float], Sequence[float]]


def trace(velocity: Tensor, back: Tensor, forth: Tensor, grid: Grid, step: float) -> None:
    """Displacements (dim, *nodes) in the cells, back and forth along the flow; step: dt / dx."""
    pairs = [
        (faces.narrow(axis, 0, n), faces.narrow(axis, 1, n))
        for axis, n in enumerate(grid.shape)
        for faces in [grid.faces(velocity, axis)]
    ]
    here = torch.stack([0.5 * step * (below + above) for below, above in pairs])
    middle = _centres(grid, CELLS, velocity.device) - 0.5 * here
    there = torch.stack(
        [
            _between(*_around(velocity[axis], middle, axis, grid)[:2]) * step
            for axis in range(grid.dim)
        ]
    )
    grid.cells(back).copy_(-there)
    grid.cells(forth).copy_(2 * here - there)


def predict(
    field: Tensor, back: Tensor, made: Sequence[Tensor], axis: int, rims: Rims, grid: Grid
) -> None:
    """Semi-Lagrangian step of one component (*nodes), and the range of the values it was made of.

    made: what it writes to, predicted, lowest and highest, (*nodes) each.
    """
    x = _ends(back, axis, grid)
    values, part, *_ = _around(field, x, axis, grid)
    values = [_share_inside(x, axis, rims) * value for value in values]
    stacked = torch.stack(values)
    results = _between(values, part), stacked.amin(0), stacked.amax(0)
    for target, result in zip(made, results, strict=True):
        _points(target, axis, grid).copy_(result)


def correct(
    field: Tensor, forth: Tensor, made: Sequence[Tensor], out: Tensor, axis: int, rims: Rims,
    grid: Grid,
) -> None:  # fmt: skip
    """Half of the error of going there and back is taken off, within the range; to `out`."""
    x = _ends(forth, axis, grid)
    returned = _between(*_around(made[0], x, axis, grid)[:2])
    predicted, lowest, highest = (_points(values, axis, grid) for values in made)
    error = _points(field, axis, grid) - returned
    if axis == CELLS:
        for here, low, high in zip(x, *rims, strict=True):
            error = torch.where((here < low) | (here > high), 0.0, error)
    result = predicted + 0.5 * error
    _points(out, axis, grid).copy_(torch.maximum(lowest, torch.minimum(result, highest)))


def carry_sharply(field: Tensor, back: Tensor, out: Tensor, rims: Rims, grid: Grid) -> None:
    """Cubic interpolation of a cell field (*nodes), within the range of the values around."""
    x = _ends(back, CELLS, grid)
    values, part, base, steps = _around(field, x, CELLS, grid)
    stacked = torch.stack(values)
    weights, offsets = [], []
    for k, n in enumerate(grid.shape):
        p = part[k]
        weights.append((
            p * (-0.5 + p * (1 - 0.5 * p)), 1 + p * p * (-2.5 + 1.5 * p),
            p * (0.5 + p * (2 - 1.5 * p)), p * p * (-0.5 + 0.5 * p),
        ))  # fmt: skip
        below = torch.where(x[k] >= 1.5, -steps[k], 0)
        above = steps[k] + torch.where(x[k] < n - 1.5, steps[k], 0)
        offsets.append((below, torch.zeros_like(below), steps[k], above))
    flat, total = field.view(-1), torch.zeros_like(part[0])
    for taps in itertools.product(range(4), repeat=grid.dim):
        place = base + sum(offsets[k][tap] for k, tap in enumerate(taps))
        weight = weights[0][taps[0]]
        for k in range(1, grid.dim):
            weight = weight * weights[k][taps[k]]
        total += weight * flat[place]
    total = torch.maximum(stacked.amin(0), torch.minimum(total, stacked.amax(0)))
    grid.cells(out).copy_(_share_inside(x, CELLS, rims) * total)


def _points(field: Tensor, axis: int, grid: Grid) -> Tensor:
    """View of the points of a stored component (*nodes)."""
    for k, n in enumerate(grid.shape):
        field = field.narrow(k, 0, n + (k == axis))
    return field


def _centres(grid: Grid, axis: int, device: torch.device) -> Tensor:
    """Where the points are, (dim, *points)."""
    lines = [
        torch.arange(n + (k == axis), device=device) + (0.0 if k == axis else 0.5)
        for k, n in enumerate(grid.shape)
    ]
    return torch.stack(torch.meshgrid(*lines, indexing="ij"))


def _ends(field: Tensor, axis: int, grid: Grid) -> Tensor:
    """Where the displacements of the cells lead the points, (dim, *points); a face moves by the
    mean of its cells."""
    moved = grid.cells(field)
    if axis != CELLS:
        n = grid.shape[axis]
        first, last = moved.narrow(axis + 1, 0, 1), moved.narrow(axis + 1, n - 1, 1)
        moved = 0.5 * (torch.cat((first, moved), axis + 1) + torch.cat((moved, last), axis + 1))
    return _centres(grid, axis, field.device) + moved


def _share_inside(x: Tensor, axis: int, rims: Rims) -> Tensor:
    """0 from half a cell beyond the rims on, 1 from the first centres on, linear between; for
    faces 1."""
    share = torch.ones_like(x[0])
    if axis == CELLS:
        for here, low, high in zip(x, *rims, strict=True):
            share *= (torch.minimum(here - low, high - here) + 0.5).clamp(0, 1)
    return share


def _around(
    field: Tensor, x: Tensor, axis: int, grid: Grid
) -> tuple[list[Tensor], list[Tensor], Tensor, list[int]]:
    """Of a component (*nodes): values at the points around x (dim, *any), the last axis counting
    fastest, the way between them on each axis, the index of the lowest, steps to the others."""
    base, part, steps = torch.zeros_like(x[0], dtype=torch.int64), [], []
    for k, n in enumerate(grid.shape):
        top = n if k == axis else n - 1
        here = (x[k] if k == axis else x[k] - 0.5).clamp(0, top)
        lower = here.to(torch.int64).clamp(max=max(top - 1, 0))
        base += lower * grid.strides[k]
        part.append(here - lower)
        steps.append(grid.strides[k] * min(top, 1))
    flat = field.reshape(-1)
    corners = itertools.product(*((0, step) for step in steps))
    return [flat[base + sum(corner)] for corner in corners], part, base, steps


def _between(values: list[Tensor], part: list[Tensor]) -> Tensor:
    """Multilinear, `part` of the way along each axis."""
    for p in part:
        half = len(values) // 2
        values = [a + p * (b - a) for a, b in zip(values[:half], values[half:], strict=True)]
    return values[0]
