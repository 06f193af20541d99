"""All particles of a liquid: its own, and those in the place of which the grid carries it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fluidsim.errors import SimulationError
from fluidsim.flow.values import top_component
from fluidsim.liquid.particles import Particles


def count(particles: Particles) -> int:
    """The number of particles, with those that deep cells stand for."""
    deep = 0 if particles.band is None else int(particles.band.stands_for.sum())
    return particles.count + deep


def points(particles: Particles, velocity: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (n, dim) in cells and velocities (n, dim), m/s, of as many; velocity:
    (dim, *nodes)."""
    if particles.band is None:
        return particles.positions, particles.velocities.clone()
    places, speeds = particles.band.stand_ins(velocity)
    return torch.cat((particles.positions, places)), torch.cat((particles.velocities, speeds))


def speed(particles: Particles, velocity: Tensor) -> float:
    """The largest speed along an axis of particles and of faces (dim, *nodes) of deep cells."""
    own = top_component(particles.velocities)
    if particles.band is None:
        return own
    deep = particles.grid.cells(velocity)[:, particles.grid.cells(particles.band.deep) > 1]
    return max(own, top_component(deep), key=lambda v: (math.isnan(v), v))


def refuse_lost(particles: Particles, time: float) -> None:
    """Raise SimulationError if places are not finite."""
    if not math.isfinite(top_component(particles.positions)):
        lost = int((~torch.isfinite(particles.positions)).any(1).sum())
        raise SimulationError(
            f"the places of {lost} particles are not finite at {time:.4g} s; "
            "try a smaller --frame-seconds or a tighter --rtol"
        )
