"""The velocity beyond the liquid."""

from __future__ import annotations

import math

from torch import Tensor

from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.extrapolation import extrapolate, levels_beside
from fluidsim.flow.simulation import top_component
from fluidsim.solid.solids import Solids

SURFACE_LAYERS = 3  # cells outside of the liquid in which the distance is that of the surface


def continue_beyond(velocity: Tensor, domain: FlowDomain, solids: Solids, dt: float) -> None:
    """Continue the projected velocity (dim, *nodes) beyond the liquid, in place, as far as
    particles may move in `dt` seconds and the distance of the surface is needed: it stays a
    distance where all of it moves alike."""
    grid = solids.grid
    reach = math.ceil(top_component(velocity) * dt / grid.dx) + 1 + SURFACE_LAYERS
    kept = (domain.open_faces > 0) | solids.walls
    solids.stop_at_walls(velocity, domain.open_faces)
    levels = levels_beside(domain.fluid, kept, grid)
    extrapolate(velocity, levels, reach, grid)
