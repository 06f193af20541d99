"""Liquids: particles carry the motion, the grid keeps it free of divergence (PIC, FLIP, APIC)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fluidsim.cells import CellType
from fluidsim.extrapolation import extrapolate, levels_beside
from fluidsim.forces import add_gravity
from fluidsim.grid import Grid
from fluidsim.particles import SEEDED, Changes, Particles
from fluidsim.separation import open_faces
from fluidsim.simulation import (
    FrameReport,
    PressureOptions,
    Simulation,
    SimulationError,
    top_component,
)
from fluidsim.solids import Solids
from fluidsim.sources import Exchange, Sources
from fluidsim.timing import StageTimer

WALL_PUSHES = 0.05  # cells of water: a wall under less pressure than this lets a film go
VOLUME_RELAXATION = 0.1  # s: time in which a volume error decays to 1/e


class Liquid(Simulation):
    """Zhu & Bridson 2005, "Animating sand as a fluid"; Bridson 2015, chapter 7.

    cells (*nodes) int8 holds CellType; velocity (dim, *nodes) the faces after the last step.
    flip: share of FLIP in the PIC/FLIP blend; None for APIC. gravity: m/s^2, along the last axis.
    sources: inflows and outflows, None where there are none.
    """

    def __init__(
        self,
        grid: Grid,
        solids: Solids,
        positions: Tensor,
        initial_velocity: Tensor,
        options: PressureOptions,
        timer: StageTimer,
        gravity: float,
        flip: float | None,
        cfl: float,
        seed: int,
        sources: Sources | None = None,
    ):
        super().__init__(grid, solids, options, cfl, timer)
        self.gravity = gravity
        self.flip = flip
        self.seed = seed
        self.steps = 0
        affine = flip is None
        self.particles = Particles(positions, initial_velocity, grid, self.device, affine)
        self.cells = grid.zeros(self.device, dtype=torch.int8)
        self.particles.classify(solids, self.cells)
        self.first_volume = self.particles.volume(self.cells, solids)
        self.lost = Changes()
        self.sources = sources
        self.exchanged = Exchange()
        self.expansion = 0.0
        self._before = torch.zeros_like(self.velocity)

    def advance(self, seconds: float) -> FrameReport:
        """A frame; the volume error at its start is let relax during it (Kim et al. 2007)."""
        self.expansion = -self.volume_error() / VOLUME_RELAXATION
        return super().advance(seconds)

    def step(self, dt: float) -> None:
        particles, timer = self.particles, self.timer
        with timer("solids"):
            self.move_solids(dt)
        if self.sources is not None:
            with timer("sources"):
                self._exchange(self.sources)
        with timer("transfer"):
            particles.to_faces(self.velocity, self._before)
            particles.classify(self.solids, self.cells)
        with timer("forces"):
            add_gravity(self.velocity, self.gravity, dt, self.grid)
            open_faces = self._open_faces()
            expansion: float | Tensor = self.expansion
            if self.sources is not None:
                expansion = expansion + self.sources.drive(self.velocity, open_faces, self.time)
        self.project(self.fluid_cells(), open_faces, dt, expansion)
        with timer("extrapolate"):
            self._extrapolate(open_faces, dt)
        with timer("move"):
            particles.move(self.velocity, self._before, self.solids, dt, self.flip or 0.0)
        with timer("sort"):
            self._sort()

    def fluid_cells(self) -> Tensor:
        """Cells that hold liquid, (*shape) bool."""
        return (self.grid.cells(self.cells) == CellType.FLUID).contiguous()

    def top_speed(self, seconds: float) -> float:
        if not math.isfinite(top_component(self.particles.positions)):
            lost = int((~torch.isfinite(self.particles.positions)).any(1).sum())
            raise SimulationError(
                f"the places of {lost} particles are not finite at {self.time:.4g} s; "
                "try a smaller --frame-seconds or a tighter --rtol"
            )
        speed = top_component(self.particles.velocities)
        if self.sources is not None:
            speed = max(speed, self.sources.top_speed(self.time), key=lambda v: (math.isnan(v), v))
        return speed + abs(self.gravity) * seconds

    @property
    def particle_count(self) -> int:
        return self.particles.count

    def volume_error(self) -> float:
        """Of the liquid that there is and that has left, against what there was and was poured."""
        particle = self.grid.dx**self.grid.dim / SEEDED[self.grid.dim]
        expected = self.first_volume + self.exchanged.poured * particle
        if expected <= 0:
            return 0.0
        self.particles.classify(self.solids, self.cells)
        gone = (self.lost.left + self.exchanged.drained) * particle
        return (self.particles.volume(self.cells, self.solids) + gone) / expected - 1

    def _sort(self) -> None:
        self.steps += 1
        changes = self.particles.sort_and_resample(
            self.cells, self.solids, hash((self.seed, self.steps))
        )
        self.lost += changes
        self.report.particles_added += changes.added
        self.report.particles_removed += changes.removed
        self.report.particles_left += changes.left

    def _exchange(self, sources: Sources) -> None:
        exchange = sources.apply(self.particles, self.time)
        self.exchanged += exchange
        self.report.particles_poured += exchange.poured
        self.report.particles_drained += exchange.drained

    def _open_faces(self) -> Tensor:
        """The open part of each face, with those that the liquid leaves."""
        solids = self.solids
        if self.pressure is None:
            return solids.open
        least = WALL_PUSHES * self.options.density * abs(self.gravity) * self.grid.dx
        return open_faces(self.velocity, self.pressure, self.cells, solids, self.grid, least)

    def _extrapolate(self, open_faces: Tensor, dt: float) -> None:
        """Continue the projected velocity beyond the liquid, as far as particles may get."""
        reach = math.ceil(top_component(self.velocity) * dt / self.grid.dx) + 1
        kept = (open_faces > 0) | self.solids.walls
        self.velocity[self.solids.walls & (open_faces == 0)] = 0.0
        level = levels_beside(self.fluid_cells(), kept, self.grid)
        extrapolate(self.velocity, level, reach, self.grid)
        self.solids.enforce(self.velocity, open_faces)
