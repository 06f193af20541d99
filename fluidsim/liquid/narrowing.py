"""Particles of a liquid whose inside is left to the grid, and points in the place of the rest."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fluidsim.flow.values import top_component
from fluidsim.grid.sorting import cells_of
from fluidsim.liquid.band import Band
from fluidsim.liquid.particles import SEEDED, Particles
from fluidsim.solid.solids import Solids


def narrowed(particles: Particles, width: int, wet: Tensor, solids: Solids) -> Particles:
    """Those of the particles, all over a liquid, that a narrow band of `width` cells keeps.

    wet: (*shape) bool, cells inside the surface that may be deep.
    """
    grid = particles.grid
    band = Band(grid, particles.device, width, SEEDED[grid.dim])
    band.choose(particles.filling.clone(), wet, solids)
    kept = band.deep.view(-1)[cells_of(particles.positions, grid.strides)] == 0
    positions, velocities = particles.positions[kept], particles.velocities[kept]
    return Particles(positions, velocities, grid, particles.device, particles.affine, band)


def top_speed(particles: Particles, velocity: Tensor) -> float:
    """The largest speed along an axis, m/s, of the particles and, where the grid alone carries the
    liquid, of `velocity`, (dim, *nodes)."""
    speed = top_component(particles.velocities)
    if particles.band is None:
        return speed
    grid = particles.grid
    deep = grid.cells(velocity)[:, grid.cells(particles.band.deep) > 1]
    return max(speed, top_component(deep), key=lambda v: (math.isnan(v), v))


def points(particles: Particles, velocity: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (n, dim), in grid coordinates, and velocities (n, dim), m/s, of the particles and
    of points in their place where the grid alone carries the liquid, with `velocity` (dim, *nodes).
    """
    positions, velocities = particles.positions, particles.velocities.clone()
    if particles.band is None:
        return positions, velocities
    places, speeds = particles.band.stand_ins(velocity)
    return torch.cat((positions, places)), torch.cat((velocities, speeds))
