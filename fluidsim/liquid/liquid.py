"""Liquids: particles carry the motion, the grid keeps it free of divergence (PIC, FLIP, APIC)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.errors import SimulationError
from fluidsim.flow.accelerations import Acceleration, add_gravity, gravity_vector
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.extrapolation import (
    KNOWN,
    OUTSIDE,
    UNKNOWN,
    Continuation,
    extrapolate,
    levels_beside,
)
from fluidsim.flow.interface import Interface
from fluidsim.flow.simulation import FrameReport, PressureOptions, Simulation, fill, top_component
from fluidsim.grid.cells import CellType
from fluidsim.grid.grid import Grid
from fluidsim.liquid.curvature import curvature, foreseen_rise
from fluidsim.liquid.impact import SMALL_STEP, Impacts, pressed
from fluidsim.liquid.inflows import Exchange, SourcesAndSinks
from fluidsim.liquid.levelset import HELD, SMOOTHED, LevelSet
from fluidsim.liquid.particles import SEEDED, Changes, Particles
from fluidsim.liquid.separation import open_faces
from fluidsim.liquid.volume import holes, liquid_volume
from fluidsim.solid.shapes import Vector
from fluidsim.solid.solids import Solids
from fluidsim.timing import StageTimer

WALL_PUSHES = 0.05  # cells of water: a wall under less pressure than this lets a film go
WAVE_STEP = 0.6  # of sqrt(dx / g); from about twice that on the shortest waves blow up
CAPILLARY_STEP = 3.0  # of Brackbill's: his waves of two cells are damped; at 4 jets spray
GAP_LAYERS = 2  # faces of the liquid so far from all particles take the velocity of others
SURFACE_LAYERS = 3  # cells outside of the liquid in which the distance is that of the surface
VOLUME_RELAXATION = 0.05  # s: time in which a volume error decays to 1/e, or shorter:
WAVE_RELAXATION = 1.25  # of sqrt(dx / g); small tanks splash faster
MOST_RELAXED = 0.02  # of the volume: in splashes its error is not known better


@dataclass(frozen=True)
class LiquidOptions:
    """Physics of a liquid.

    gravity: m/s^2, downwards or as a vector. flip: share of FLIP in the PIC/FLIP blend; None for
    APIC. viscosity: dynamic, Pa s; 0 lets the flow slip along walls. surface_tension: N/m.
    """

    gravity: float | Vector = 9.81
    flip: float | None = 0.99
    viscosity: float = 0.0
    surface_tension: float = 0.0


class Liquid(Simulation):
    """Zhu & Bridson 2005, "Animating sand as a fluid"; Bridson 2015, chapter 7.

    cells (*nodes) int8 holds CellType; velocity (dim, *nodes) the faces after the last step.
    surface: where the liquid ends between the centres of cells. sources: inflows and outflows, None
    where there are none.
    """

    def __init__(
        self,
        grid: Grid,
        solids: Solids,
        positions: Tensor,
        initial_velocity: Tensor,
        physics: LiquidOptions,
        options: PressureOptions,
        timer: StageTimer,
        cfl: float,
        seed: int,
        surface: LevelSet,
        sources: SourcesAndSinks | None = None,
        body_force: Acceleration | None = None,
    ):
        super().__init__(grid, solids, options, cfl, timer, physics.viscosity, body_force)
        self.gravity = gravity_vector(physics.gravity, grid.dim)
        waves = math.sqrt(grid.dx / max(math.hypot(*self.gravity), 1e-30))
        self._relaxation = min(VOLUME_RELAXATION, WAVE_RELAXATION * waves)
        self.physics = physics
        self.seed = seed
        self.surface = surface
        self.steps = 0
        affine = physics.flip is None
        self.particles = Particles(positions, initial_velocity, grid, self.device, affine)
        self.cells = grid.zeros(self.device, dtype=torch.int8)
        self._classify()
        self.first_volume = self._volume()
        self.lost = Changes()
        self.sources = sources
        self.exchanged = Exchange()
        self.expansion = 0.0
        self._dt_before = 0.0
        self._impacts = Impacts()
        self._before = torch.zeros_like(self.velocity)

    def advance(self, seconds: float) -> FrameReport:
        """A frame; the volume error at its start is let relax during it (Kim et al. 2007), by half
        at most."""
        error = max(-MOST_RELAXED, min(MOST_RELAXED, self.volume_error()))
        self.expansion = -error / max(self._relaxation, 2 * seconds)
        self._impacts = Impacts()
        return super().advance(seconds)

    def state(self) -> dict[str, Tensor]:
        values = {**super().state(), **self.particles.state()}
        lost, exchanged = self.lost, self.exchanged
        counts = (
            self.steps, lost.added, lost.removed, lost.left, exchanged.poured, exchanged.drained,
        )  # fmt: skip
        values["counts"] = torch.tensor(counts)
        values["first_volume"] = torch.tensor(self.first_volume, dtype=torch.float64)
        values["surface"] = self.surface.distance
        values["dt_before"] = torch.tensor(self._dt_before, dtype=torch.float64)
        if self.sources is not None:
            values["sources_random"] = self.sources.generator.get_state()
        return values

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        self.particles.restore(state)
        self.steps, added, removed, left, poured, drained = state["counts"].tolist()
        self.lost = Changes(added, removed, left)
        self.exchanged = Exchange(poured, drained)
        self.first_volume = float(state["first_volume"])
        fill(self.surface.distance, state["surface"])
        self._dt_before = float(state["dt_before"])
        if self.sources is not None:
            self.sources.generator.set_state(state["sources_random"])
        self._classify()

    def step(self, dt: float) -> None:
        """A leapfrog: velocities, of the middles of steps, are pushed from the middle of the step
        before to that of this one, from the very start in the first; positions go a whole step."""
        particles, timer = self.particles, self.timer
        push, self._dt_before = (self._dt_before + dt) / 2, dt
        with timer("solids"):
            self.move_solids(dt)
        if self.sources is not None:
            with timer("sources"):
                self._exchange(self.sources)
        rise = None
        if self.physics.surface_tension > 0:
            with timer("forces"):
                distance = self.grid.cells(self.surface.distance)
                rise = foreseen_rise(distance, self.velocity, self.grid, dt)
        with timer("transfer"):
            particles.to_faces(self.velocity, self._before)
            fluid = self._classify()
            self._close_gaps(fluid)
        with timer("forces"):
            unpushed = None if self.viscosity is None else self.velocity.clone()
            add_gravity(self.velocity, self.gravity, push)
            if self.body_force is not None:
                self.body_force.add(self.velocity, self.time + (dt - push) / 2, push)
            pushed = None if unpushed is None else self.velocity - unpushed
            open_faces = self._open_faces()
            interface = self._interface(fluid, rise)
            expansion, held = self._drive(open_faces)
            domain = FlowDomain(
                fluid, open_faces, self.solids.velocity, interface, held, self._filling(fluid)
            )
        self.diffuse(domain, push, pushed=pushed)
        self.project(domain, push, expansion)
        with timer("extrapolate"):
            self._extrapolate(fluid, open_faces, dt)
        with timer("move"):
            particles.move(self.velocity, self._before, self.solids, dt, self.physics.flip or 0.0)
        with timer("sort"):
            self._sort()
        with timer("surface"):
            held = SMOOTHED if self.physics.surface_tension > 0 else HELD
            self.surface.advance(particles, self.solids, dt, held)

    def fluid_cells(self) -> Tensor:
        """Cells whose pressure is sought, (*shape) bool."""
        pulled = None if self.pressure is None else self.pressure < 0
        return self.surface.wet(self.particles.held, pulled, self.solids)

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
        return speed + (math.hypot(*self.gravity) + self.pushing()) * seconds

    def _substeps_for(self, seconds: float) -> int:
        """More where liquid is about to hit something."""
        steps = super()._substeps_for(seconds)
        grid, fluid = self.grid, self.fluid_cells()
        distance = grid.cells(self.surface.distance)

        def pressed_in(count: int) -> float:
            return pressed(self.velocity, distance, fluid, self.solids, seconds / count, grid)

        most = seconds * self.report.top_speed / (SMALL_STEP * grid.dx)
        return self._impacts.steps(steps, most, float(fluid.sum()), pressed_in)

    def longest_step(self) -> float:
        """That of the shortest waves: of gravity, and capillary ones (Brackbill, Kothe & Zemach
        1992, eq. 61, without air, times CAPILLARY_STEP)."""
        dx, physics = self.grid.dx, self.physics
        longest = math.inf
        weight = math.hypot(*self.gravity)
        if weight > 0:
            longest = WAVE_STEP * math.sqrt(dx / weight)
        if physics.surface_tension > 0:
            capillary = self.options.density * dx**3 / (4 * math.pi * physics.surface_tension)
            longest = min(longest, CAPILLARY_STEP * math.sqrt(capillary))
        return longest

    @property
    def particle_count(self) -> int:
        return self.particles.count

    def volume_error(self) -> float:
        """Of the liquid that there is and that has left, against what there was and was poured."""
        particle = self.grid.dx**self.grid.dim / SEEDED[self.grid.dim]
        expected = self.first_volume + self.exchanged.poured * particle
        if expected <= 0:
            return 0.0
        gone = (self.lost.left + self.exchanged.drained) * particle
        return (self._volume() + gone) / expected - 1

    def holes(self) -> int:
        """Cells of air shut in by liquid and solids that are too few for a bubble."""
        self._classify()
        return holes(self.cells, self.grid)

    def _volume(self) -> float:
        distance = self.grid.cells(self.surface.distance)
        return liquid_volume(distance, self.particles, self.solids, self.grid)

    def _sort(self) -> None:
        self.steps += 1
        changes = self.particles.sort_and_resample(
            self.cells, self.solids, hash((self.seed, self.steps))
        )
        self.lost += changes
        self.report.particles_added += changes.added
        self.report.particles_removed += changes.removed
        self.report.particles_left += changes.left

    def _classify(self) -> Tensor:
        """Fill `cells`; the ones whose pressure is sought, (*shape) bool."""
        fluid = self.fluid_cells()
        wet = fluid | (self.particles.held > 0)
        kinds = torch.where(wet, int(CellType.FLUID), int(CellType.AIR)).to(torch.int8)
        solid = self.grid.cells(self.solids.solid) != 0
        self.grid.cells(self.cells).copy_(kinds.masked_fill_(solid, int(CellType.SOLID)))
        return fluid

    def _close_gaps(self, fluid: Tensor) -> None:
        """Faces of the `fluid` cells (*shape) bool that no particle reaches take the velocity of
        those around: beside solids particles may be too few, which must not stop the flow."""
        kept = (self.solids.open > 0) & ~self.solids.walls
        gaps = (levels_beside(fluid, kept, self.grid) == KNOWN) & (self.particles.weights == 0)
        if bool(gaps.any()):
            levels = torch.where(self.particles.weights > 0, KNOWN, OUTSIDE).to(torch.int8)
            levels[gaps] = UNKNOWN
            Continuation.of(levels, GAP_LAYERS, self.grid).apply(self.velocity)
            self._before.copy_(self.velocity)

    def _interface(self, fluid: Tensor, rise: Tensor | None) -> Interface:
        """Where the pressure is the air's, around the `fluid` cells (*shape) bool; with tension
        where the surface rises by `rise`, (*shape)."""
        distance = self.grid.cells(self.surface.distance)
        pressure = None
        if rise is not None:
            pressure = self.physics.surface_tension * curvature(distance, self.grid, rise)
        return Interface.of(distance.double(), fluid, self.grid, pressure)

    def _filling(self, fluid: Tensor) -> Tensor:
        """The distance of the surface (*shape), cells, for viscosity: `fluid` cells are at least
        half full, cells that have neither pressure nor a particle hold nothing that flows."""
        distance = self.grid.cells(self.surface.distance)
        occupied = self.grid.cells(self.cells) == CellType.FLUID
        wet = torch.where(fluid, distance.clamp(max=0.0), distance)
        return torch.where(fluid | occupied, wet, distance.clamp(min=0.5))

    def _drive(self, open_faces: Tensor) -> tuple[float | Tensor, Tensor | None]:
        """Let inflows set their faces; the divergence to reach, and the faces set."""
        driven = None
        if self.sources is not None:
            driven = self.sources.drive(self.velocity, open_faces, self.time)
        if driven is None:
            return self.expansion, None
        return driven.divergence + self.expansion, driven.faces

    def _exchange(self, sources: SourcesAndSinks) -> None:
        exchange = sources.apply(self.particles, self.time)
        inflow = sources.distance(self.time)
        if inflow is not None:
            self.surface.unite(inflow)
        self.exchanged += exchange
        self.report.particles_poured += exchange.poured
        self.report.particles_drained += exchange.drained

    def _open_faces(self) -> Tensor:
        """The open part of each face, with those that the liquid leaves."""
        solids = self.solids
        if self.pressure is None:
            return solids.open
        weight = self.options.density * (math.hypot(*self.gravity) + self.pushing())
        least = WALL_PUSHES * weight * self.grid.dx
        return open_faces(self.velocity, self.pressure, self.cells, solids, self.grid, least)

    def _extrapolate(self, fluid: Tensor, open_faces: Tensor, dt: float) -> None:
        """Continue the projected velocity beyond the liquid, as far as particles may get and
        the distance of the surface is needed: it stays one where all of it moves alike."""
        reach = math.ceil(top_component(self.velocity) * dt / self.grid.dx) + 1 + SURFACE_LAYERS
        kept = (open_faces > 0) | self.solids.walls
        self.solids.stop_at_walls(self.velocity, open_faces)
        extrapolate(self.velocity, levels_beside(fluid, kept, self.grid), reach, self.grid)
        self.enforce_walls(open_faces)
