"""The steps of advection as torch expressions: the definition of the kernels.

Positions are in cells; fields are stored on the nodes (see grid.py).
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid

CELLS = -1  # instead of the axis of faces


def trace(velocity: Tensor, back: Tensor, grid: Grid, step: float) -> None:
    """Set `back` (dim, *nodes) to the displacements of cell centres back along the flow.

    velocity: (dim, *nodes), m/s. step: dt / dx.
    """
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


def carry(field: Tensor, back: Tensor, out: Tensor, axis: int, grid: Grid) -> None:
    """Interpolate a component (*nodes) of a face field linearly at the ends of the traces."""
    values, part, *_ = _around(field, _ends(back, axis, grid), axis, grid)
    _points(out, axis, grid).copy_(_between(values, part))


def carry_sharply(field: Tensor, back: Tensor, out: Tensor, axis: int, grid: Grid) -> None:
    """The same by cubics, limited to the range of the values around."""
    x = _ends(back, axis, grid)
    values, part, base, steps = _around(field, x, axis, grid)
    stacked = torch.stack(values)
    weights, offsets = [], []
    for k, n in enumerate(grid.shape):
        p = part[k]
        weights.append((
            p * (-0.5 + p * (1 - 0.5 * p)), 1 + p * p * (-2.5 + 1.5 * p),
            p * (0.5 + p * (2 - 1.5 * p)), p * p * (-0.5 + 0.5 * p),
        ))  # fmt: skip
        first, last = torch.inf, -torch.inf
        if n + (k == axis) > 2:
            first = 1.0 if k == axis else 1.5
            last = n - first
        below = torch.where(x[k] >= first, -steps[k], 0)
        above = steps[k] + torch.where(x[k] < last, steps[k], 0)
        offsets.append((below, torch.zeros_like(below), steps[k], above))
    flat, total = field.reshape(-1), torch.zeros_like(part[0])
    for taps in itertools.product(range(4), repeat=grid.dim):
        place = base + sum(offsets[k][tap] for k, tap in enumerate(taps))
        weight = weights[0][taps[0]]
        for k in range(1, grid.dim):
            weight = weight * weights[k][taps[k]]
        total = total + weight * flat[place]
    total = torch.clamp(total, stacked.amin(0), stacked.amax(0))
    _points(out, axis, grid).copy_(total)


def _points(field: Tensor, axis: int, grid: Grid) -> Tensor:
    """View of the points of a stored component (*nodes)."""
    for k, n in enumerate(grid.shape):
        field = field.narrow(k, 0, n + (k == axis))
    return field


def _centres(grid: Grid, axis: int, device: torch.device) -> Tensor:
    """The positions of the points, (dim, *points)."""
    lines = [
        torch.arange(n + (k == axis), device=device) + (0.0 if k == axis else 0.5)
        for k, n in enumerate(grid.shape)
    ]
    return torch.stack(torch.meshgrid(*lines, indexing="ij"))


def _ends(field: Tensor, axis: int, grid: Grid) -> Tensor:
    """The ends of the traces of the points, (dim, *points); a face takes the mean displacement of
    its cells."""
    moved = grid.cells(field)
    if axis != CELLS:
        n = grid.shape[axis]
        first, last = moved.narrow(axis + 1, 0, 1), moved.narrow(axis + 1, n - 1, 1)
        moved = 0.5 * (torch.cat((first, moved), axis + 1) + torch.cat((moved, last), axis + 1))
    return _centres(grid, axis, field.device) + moved


def _around(
    field: Tensor, x: Tensor, axis: int, grid: Grid
) -> tuple[list[Tensor], list[Tensor], Tensor, list[int]]:
    """The points of a component (*nodes) around x (dim, *any): their values, with the last axis
    varying fastest, the fraction of x between them on each axis, the index of the lowest one, and
    the steps to the others."""
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
    """Multilinear interpolation at the fraction `part` of the way along each axis."""
    for p in part:
        half = len(values) // 2
        values = [a + p * (b - a) for a, b in zip(values[:half], values[half:], strict=True)]
    return values[0]
