"""What no gradient goes through."""

from __future__ import annotations

from fluidsim.flow.simulation import Simulation
from fluidsim.liquid.liquid import Liquid
from fluidsim.smoke.smoke import Smoke
from fluidsim.solid.values import records


def refuse_unsupported(simulation: Simulation) -> None:
    """Raise ValueError, which names it, if a part of the simulation has no gradient."""
    if isinstance(simulation, Liquid):
        _refuse_of_liquid(simulation)
    elif not isinstance(simulation, Smoke):
        raise ValueError(f"there are no gradients through a {type(simulation).__name__}")
    elif simulation.viscosity is not None:
        raise ValueError("there are no gradients through the viscosity of smoke: set it to 0")


def startable(simulation: Simulation) -> tuple[str, ...]:
    """The names of the state at the start that may have a gradient."""
    if isinstance(simulation, Liquid):
        return "positions", "velocities", "surface"
    state = simulation.state()
    return tuple(n for n, values in state.items() if values.is_floating_point() and values.ndim > 1)


def _refuse_of_liquid(liquid: Liquid) -> None:
    if liquid.particles.band is not None:
        raise ValueError("there are no gradients through a narrow band: set narrow_band=0")
    if liquid.bodies is not None:
        raise ValueError("there are no gradients through floating bodies")
    if liquid.viscosity is not None and records((liquid.solids.static, *liquid.solids.moving)):
        raise ValueError("there are no gradients to solids in a viscous liquid: set viscosity=0")
