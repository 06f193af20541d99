"""Velocities that are imposed on faces: the pressure does not change them, but feels their flow.

For the pressure such a face is closed and what closes it moves, as at the wall of a moving solid:
the gradient across it is left out, its flow is part of the known divergence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.flow.flux import divergence
from fluidsim.flow.pressure import assemble
from fluidsim.grid.grid import Grid
from fluidsim.solid.shapes import Vector
from fluidsim.solid.solids import Solids

BALANCED = 1e-3  # of what flows in and out: a net flow below this is rounding


@dataclass(frozen=True, eq=False)
class Imposed:
    """faces (dim, *nodes) bool: those imposed. velocity (dim, *nodes) float32, m/s: there."""

    faces: Tensor
    velocity: Tensor

    @classmethod
    def in_cells(cls, blown: Sequence[tuple[Tensor, Vector]], solids: Solids) -> Imposed:
        """On all faces, but for walls and what solids close, of cells (*shape) bool that each
        have one velocity, m/s; where two touch the later one counts."""
        grid = solids.grid
        velocity = grid.zeros(solids.device, grid.dim)
        faces = torch.zeros_like(velocity, dtype=torch.bool)
        for cells, speeds in blown:
            for axis, (n, speed) in enumerate(zip(grid.shape, speeds, strict=True)):
                for first in (0, 1):
                    grid.faces(velocity, axis).narrow(axis, first, n)[cells] = speed
                    grid.faces(faces, axis).narrow(axis, first, n)[cells] = True
                if axis in grid.periodic:
                    seam = cells.select(axis, 0) | cells.select(axis, n - 1)
                    for rim in (0, n):
                        grid.faces(velocity, axis).select(axis, rim)[seam] = speed
                        grid.faces(faces, axis).select(axis, rim)[seam] = True
        faces &= solids.open > 0
        return cls(faces, velocity * faces)

    def closing(self, open_faces: Tensor, solid: Tensor) -> tuple[Tensor, Tensor]:
        """open_faces (dim, *nodes) less those imposed, and the velocity `solid` (dim, *nodes), m/s,
        of what closes faces, with theirs."""
        carried = solid + open_faces * (self.velocity - solid)
        return (
            torch.where(self.faces, 0.0, open_faces),
            torch.where(self.faces, carried, solid),
        )

    def set(self, velocity: Tensor) -> None:
        """Give the faces of a flow (dim, *nodes) what is imposed on them, in place."""
        velocity.copy_(torch.where(self.faces, self.velocity, velocity))


def with_open_face(cells: Tensor, open_faces: Tensor, grid: Grid) -> Tensor:
    """Those of the cells (*shape) bool whose pressure can change a face, (*shape) bool."""
    reached = torch.zeros_like(cells)
    for axis, n in enumerate(grid.shape):
        opened = grid.faces(open_faces, axis) > 0
        reached |= opened.narrow(axis, 0, n) | opened.narrow(axis, 1, n)
    return cells & reached


def refuse_trapped_flow(fluid: Tensor, imposed: Imposed | None, solids: Solids) -> None:
    """Raises ValueError where inlets and imposed faces blow into (or out of) a part of the domain
    that is closed but for them. fluid: (*shape) bool."""
    grid = solids.grid
    opened, flow = solids.open, torch.zeros_like(solids.velocity)
    solids.boundary.stop(flow, opened)
    if imposed is not None:
        opened, flow = imposed.closing(opened, flow)
    cells = with_open_face(fluid, opened, grid)
    closed = torch.zeros_like(opened)
    net = divergence(flow, closed, flow, cells, grid).cpu()
    floating = assemble(cells, opened, grid, 1.0).floating
    if floating.count == 0 or not net.any():
        return
    labels = (floating.labels.cpu().long() + 1).view(-1)
    sums, sizes = (
        torch.bincount(labels, weights=values.view(-1), minlength=floating.count + 1)[1:]
        for values in (net, net.abs())
    )
    if bool((sums.abs() > BALANCED * sizes).any()):
        raise ValueError(
            "inlets or sources with a velocity blow into a closed part of the domain: open a side, "
            "or let as much out by another inlet"
        )
