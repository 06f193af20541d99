"""What drives smoke, and what it carries through faces."""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.flow.accelerations import BodyForce, add_buoyancy
from fluidsim.grid.plain import are_recorded
from fluidsim.smoke.confinement import add_vorticity_confinement
from fluidsim.smoke.options import SmokeOptions
from fluidsim.smoke.scalars import Scalars
from fluidsim.solid.solids import Solids


def forces(
    velocity: Tensor, carried: Scalars, physics: SmokeOptions, body_force: BodyForce | None,
    time: float,
) -> Tensor:  # fmt: skip
    """The acceleration (dim, *nodes), m/s^2, by buoyancy, the body force at a time, s, and
    vorticity confinement. velocity: (dim, *nodes), m/s."""
    grid, acceleration = carried.grid, torch.zeros_like(velocity)
    density, temperature = carried.density.clone(), carried.temperature.clone()  # for gradients
    add_buoyancy(acceleration, density, temperature, physics.weight, physics.lift, 1.0, grid)
    if body_force is not None:
        body_force.add(acceleration, time, 1.0)
    if physics.vorticity > 0:
        add_vorticity_confinement(acceleration, velocity, physics.vorticity, grid)
    return acceleration


def through_faces(velocity: Tensor, solids: Solids) -> Tensor:
    """Volume through each face over its area, (dim, *nodes), m/s."""
    if are_recorded(solids.open):
        velocity = velocity.clone()  # steps write on it
    flow = solids.open * velocity
    if solids.boundary.inlets:
        flow += solids.walls * solids.velocity
    return flow
