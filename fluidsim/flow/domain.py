"""Where a flow is: one description for its pressure and its viscosity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

import solvers
from fluidsim.flow.interface import Interface


class Coupled(Protocol):
    """What moves with the flow, and takes part in the projection."""

    def solve(
        self, prepared: solvers.Prepared, rhs: Tensor, solution: solvers.Solution, rtol: float
    ) -> solvers.Solution:
        """The pressure of both together, from the `solution` of the flow alone for `rhs`."""
        ...


@dataclass(frozen=True, eq=False)
class FlowDomain:
    """The cells that a flow fills, and what bounds them.

    fluid           (*shape) bool: the cells with a pressure
    open_faces      (dim, *nodes) float32: the open part of each face
    solid_velocity  (dim, *nodes) float32, m/s: the velocity of what closes the rest of it
    interface       where the air's pressure acts between the centres of two cells; without it,
                    p = 0 at the centres of the air cells
    held            (dim, *nodes) bool: faces whose velocity is imposed, and which viscosity must
                    not change
    surface         (*shape), cells: signed distance of the free surface; without it, the fluid
                    fills all of its cells
    bodies          rigid bodies that move with the flow; `solid_velocity` has theirs
    """

    fluid: Tensor
    open_faces: Tensor
    solid_velocity: Tensor
    interface: Interface | None = None
    held: Tensor | None = None
    surface: Tensor | None = None
    bodies: Coupled | None = None

    def conductance(self) -> Tensor:
        """How well each face (dim, *nodes) passes on a pressure difference: its open part, over
        the distance of the interface where there is one."""
        if self.interface is None:
            return self.open_faces
        return self.interface.stretched(self.open_faces)
