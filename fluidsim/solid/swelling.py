"""The divergence of a flow in cells that are cut by solids which deform.

The flow through the open parts of a cell's faces is that through the surface of the solid in it:

    sum over faces of open part * flow  =  integral over the surface of velocity . outward normal

(the divergence theorem in the part of the cell outside of the solid). Where a solid is rigid, the
flow through the closed parts of the faces is all that this needs: Batty, Bertails & Bridson 2007,
"A fast variational framework for accurate solid-fluid coupling". Where it deforms, the difference
of both is added. In that, velocities count from their mean in the cell, so that a solid that is
shifted adds nothing, whatever the errors of the open parts are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.solid.movement import Deformation, Samples

PART = 0.25  # cells: length of the parts of a surface, at most
PUSHED = 4  # times that a part in a closed cell is moved outwards, by its length, to an open one

Free = Callable[[Deformation, Tensor], Tensor]


def swelling(
    bodies: Sequence[Deformation], since: float, until: float, open_faces: Tensor,
    solid: Tensor, free: Free, grid: Grid,
) -> Tensor:  # fmt: skip
    """What solids that deform add to the divergence of a flow, (*shape) float64, 1/s.

    since, until: s; the solids are where they are at the second, and their volume changes as
    between both. open_faces: (dim, *nodes), without the walls of the domain. solid: (dim, *nodes),
    m/s, the velocity of what closes the rest. free: which points (n, dim) of the surface of a body
    are outside of all other solids, (n,) bool.
    """
    dim, opened = grid.dim, _with_open_face(open_faces, grid)
    swept = torch.zeros(grid.shape, dtype=torch.float64, device=solid.device)
    sums = swept.new_zeros((2 * dim + 1, *grid.shape))
    for body in bodies:
        cells, (_, areas, velocities) = _in_cells(body, since, until, opened, free, grid)
        swept.view(-1).index_add_(0, cells, (velocities * areas).sum(1))
        cells, (_, areas, velocities) = _in_cells(body, until, until, opened, free, grid)
        size = areas.norm(dim=1, keepdim=True)
        rows = torch.cat((areas, size * velocities, size), 1)
        sums.view(len(sums), -1).index_add_(1, cells, rows.T)
    area, size = sums[:dim], sums[-1]
    mean = sums[dim:-1] / size.clamp(min=1e-30)
    result = (swept - (mean * area).sum(0)) / grid.dx**dim
    for axis in range(dim):
        closed = 1 - grid.faces(open_faces, axis).double()
        through = torch.diff(closed * grid.faces(solid, axis), dim=axis)
        shifted = mean[axis] * torch.diff(closed, dim=axis)
        result += (through - shifted) * (size > 0) / grid.dx
    return result


def _in_cells(
    body: Deformation, since: float, until: float, opened: Tensor, free: Free, grid: Grid
) -> tuple[Tensor, Samples]:
    """The free parts of a surface in cells `opened` (*shape) bool, and the flat index (n,) of the
    cell of each; parts in other cells count for one next to them, outwards."""
    step = PART * grid.dx
    found = Samples(
        *(each.to(opened.device) for each in body.surface(since, until, step, grid.dim))
    )
    kept = free(body, found.points.to(torch.get_default_dtype()))
    points, areas, velocities = (each[kept] for each in found)
    outward = step * torch.nn.functional.normalize(areas, dim=1)
    shape = torch.tensor(grid.shape, device=opened.device)
    for turn in range(PUSHED + 1):
        cells = (points / grid.dx).floor().long() - torch.tensor(grid.origin, device=points.device)
        inside = ((cells >= 0) & (cells < shape)).all(1)
        cells = torch.minimum(cells.clamp(min=0), shape - 1)
        inside &= opened[tuple(cells.T)]
        if turn < PUSHED:
            points = torch.where(inside[:, None], points, points + outward)
    flat = torch.zeros_like(cells[:, 0])
    for axis, n in enumerate(grid.shape):
        flat = flat * n + cells[:, axis]
    return flat[inside], Samples(points[inside], areas[inside], velocities[inside])


def _with_open_face(open_faces: Tensor, grid: Grid) -> Tensor:
    """The cells (*shape) bool with an open face."""
    result = torch.zeros(grid.shape, dtype=torch.bool, device=open_faces.device)
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(open_faces, axis) > 0
        result |= faces.narrow(axis, 0, n) | faces.narrow(axis, 1, n)
    return result
