"""What no gradient goes through."""

from __future__ import annotations

from fluidsim.flow.simulation import Simulation
from fluidsim.smoke.smoke import Smoke


def refuse_unsupported(simulation: Simulation) -> None:
    """Raise ValueError, which names it, if a part of the simulation has no gradient."""
    if not isinstance(simulation, Smoke):
        raise ValueError("there are no gradients through a liquid: only smoke has them")
    if simulation.viscosity is not None:
        raise ValueError("there are no gradients through viscosity: set it to 0")
