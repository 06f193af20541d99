"""Air that enters through open sides comes from rest.

Through a side with the normal n the power -(p + density |velocity|^2 / 2) velocity . n comes into
the domain. With p = 0 that is never positive where air leaves, but where it enters with the speed u
it is density u^3 / 2 and more: energy from nowhere, by which a wind through two open sides blows
ever faster. Outside, the air is at rest. So what is drawn in pays for its speed with pressure, by
Bernoulli's law, p = -density u^2 / 2, and it enters straight, without a speed along the side. The
power is then 0 where air enters, and only forces can add energy. Dong, Karniadakis &
Chryssostomidis 2014, "A robust and accurate outflow boundary condition for incompressible flow
simulations on severely-truncated unbounded domains", balance the energy by such a pressure, too.
"""

from __future__ import annotations

import math

from torch import Tensor

from fluidsim.grid.plain import are_recorded
from fluidsim.solid.boundary import Side
from fluidsim.solid.solids import Solids


class Suction:
    """What the pressure at open sides does to air that enters with a velocity (dim, *nodes), m/s.

    seconds: length of a step; the pressure is held so far that it stops no air within one, which
    matters where air enters more than two cells in a step. With 0 there is no such bound.
    """

    def __init__(self, velocity: Tensor, solids: Solids, seconds: float) -> None:
        most = 1 / seconds if seconds > 0 else math.inf
        self._slowed = [
            (side, speed * (speed * (0.5 / solids.grid.dx)).clamp(max=most))
            for side, speed in _entering(velocity, solids)
        ]

    def act(self, target: Tensor, seconds: float) -> None:
        """Add what it does to a velocity (dim, *nodes) in this time, or in 1 s to an acceleration,
        in place; as the pressure of cells, it reaches from one cell centre to the next."""
        for side, slowed in self._slowed:
            faces = side.faces(target[side.axis])
            faces.add_(slowed, alpha=seconds if side.upper else -seconds)


def straightened(velocity: Tensor, solids: Solids, dt: float) -> Tensor:
    """The velocity (dim, *nodes), m/s, after `dt`, s, in which air without a speed along the side
    entered the cells beside open sides: upwind and implicit. In place unless torch records it."""
    grid, entering = solids.grid, _entering(velocity, solids)
    if not entering:
        return velocity
    result = velocity.clone() if are_recorded(velocity) else velocity
    for side, speed in entering:
        last = grid.shape[side.axis] - 1 if side.upper else 0
        for axis in range(grid.dim):
            if axis != side.axis:
                faces = result[axis].select(side.axis, last)
                cells = side.along(speed, axis) * (dt / grid.dx)
                faces.copy_(faces.clone() / (1 + cells))  # recorded division keeps what it divides
    return result


def _entering(velocity: Tensor, solids: Solids) -> list[tuple[Side, Tensor]]:
    """The open sides, each with the speed at which air enters through its faces, m/s, on the nodes
    without the side's axis; 0 where it leaves, and on closed faces."""
    found = []
    for side in solids.boundary.sides:
        if solids.boundary.is_open(side.axis, side.upper):
            inwards = side.faces(velocity[side.axis]) * (-1.0 if side.upper else 1.0)
            passable = side.faces(solids.open[side.axis]) > 0
            found.append((side, inwards.clamp(min=0) * passable))
    return found
