"""Velocities imposed on faces: the pressure does not change them, but responds to their flow.

For the pressure such a face is closed by something that moves, like the wall of a moving solid: the
pressure gradient does not act on it, and its flow is a known part of the divergence.
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

BALANCED = 1e-3  # of the flow in and out: a smaller net flow is rounding


@dataclass(frozen=True, eq=False)
class Imposed:
    """faces (dim, *nodes) bool: the imposed ones. velocity (dim, *nodes) float32, m/s: theirs."""

    faces: Tensor
    velocity: Tensor

    @classmethod
    def in_cells(cls, blown: Sequence[tuple[Tensor, Vector]], solids: Solids) -> Imposed:
        """Impose velocities on all open faces of sets of cells.

        blown: pairs of cells (*shape) bool and their velocity, m/s; a face of two sets takes the
        velocity of the later one.
        """
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
        """The open part of each face without the imposed faces, and the velocity of what closes
        faces with theirs; both (dim, *nodes). solid: that velocity without them, m/s."""
        carried = solid + open_faces * (self.velocity - solid)
        return (
            torch.where(self.faces, 0.0, open_faces),
            torch.where(self.faces, carried, solid),
        )

    def set(self, velocity: Tensor) -> None:
        """Set the imposed faces of a velocity (dim, *nodes), in place."""
        velocity.copy_(torch.where(self.faces, self.velocity, velocity))


def with_open_face(cells: Tensor, open_faces: Tensor, grid: Grid) -> Tensor:
    """The cells of `cells` (*shape) bool that have an open face."""
    reached = torch.zeros_like(cells)
    for axis, n in enumerate(grid.shape):
        opened = grid.faces(open_faces, axis) > 0
        reached |= opened.narrow(axis, 0, n) | opened.narrow(axis, 1, n)
    return cells & reached


def refuse_trapped_flow(fluid: Tensor, imposed: Imposed | None, solids: Solids) -> None:
    """Raise ValueError if inlets and imposed faces blow into, or out of, a part of the domain that
    has no other opening. fluid: (*shape) bool."""
    grid = solids.grid
    opened, flow = solids.open, torch.zeros_like(solids.velocity)
    solids.boundary.stop(flow, opened)
    if imposed is not None:
        opened, flow = imposed.closing(opened, flow)
    cells = with_open_face(fluid, opened, grid)
    closed = torch.zeros_like(opened)
    net = divergence(flow.detach(), closed, flow.detach(), cells, grid).cpu()
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
            "or let as much out through another inlet"
        )
