"""Liquids: particles carry the motion, the grid keeps it free of divergence (PIC, FLIP, APIC)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fluidsim.bodies.bodies import Bodies
from fluidsim.flow.accelerations import add_gravity, gravity_vector
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.interface import Interface
from fluidsim.flow.report import FrameReport
from fluidsim.flow.simulation import Setup, Simulation
from fluidsim.flow.values import number
from fluidsim.grid.grid import Grid
from fluidsim.liquid import population, stored
from fluidsim.liquid.band import LEAST_CELLS
from fluidsim.liquid.beyond import continue_beyond
from fluidsim.liquid.classification import cell_kinds, filling
from fluidsim.liquid.curvature import curvature, foreseen_rise
from fluidsim.liquid.gaps import close_gaps
from fluidsim.liquid.impact import SMALL_STEP, Impacts, pressed
from fluidsim.liquid.inflows import Exchange, Inflow, SourcesAndSinks
from fluidsim.liquid.levelset import FAR, HELD, SMOOTHED, LevelSet
from fluidsim.liquid.options import LiquidOptions
from fluidsim.liquid.particles import SEEDED, Changes, Particles
from fluidsim.liquid.separation import open_faces
from fluidsim.liquid.volume import holes, liquid_volume, relaxation
from fluidsim.liquid.waves import longest_step
from fluidsim.liquid.window import window_for

WALL_PUSHES = 0.05  # cells of water: a wall under less pressure than this lets a film go


class Liquid(Simulation):
    """Zhu & Bridson 2005, "Animating sand as a fluid"; Bridson 2015, chapter 7.

    velocity (dim, *nodes) holds the faces after the last step. surface: where the liquid ends
    between the centres of cells. sources: inflows and outflows, bodies: rigid ones; None if none.
    """

    def __init__(
        self, setup: Setup, physics: LiquidOptions, positions: Tensor, velocity: Tensor,
        surface: LevelSet, sources: SourcesAndSinks | None = None,
    ):  # fmt: skip
        """positions: (n, dim), of the particles in cells. velocity: (n, dim) or (dim,), m/s."""
        super().__init__(setup, physics.viscosity)
        self.gravity = gravity_vector(physics.gravity, self.grid.dim)
        self.weight = math.hypot(*(number(each) for each in self.gravity))
        self.physics = physics
        self.surface = surface
        self.bodies = Bodies.among(setup.solids, setup.pressure.density)
        self.steps = 0
        self.sources = sources
        affine = physics.flip is None
        self.particles = Particles(positions, velocity, self.window, self.device, affine)
        self.first_volume = self._volume()
        self.lost, self.exchanged = Changes(), Exchange()
        self.expansion: float | Tensor = 0.0
        self.dt_before = 0.0
        self._impacts = Impacts()
        self._before = torch.zeros_like(self.velocity)
        if physics.narrow_band > 0 and min(self.grid.shape) >= LEAST_CELLS:
            self.particles.to_faces(self.velocity, self._before)
            wet = self._may_be_deep(self.time)
            self.particles = self.particles.near_surface(physics.narrow_band, wet, self.solids)

    def advance(self, seconds: float) -> FrameReport:
        """Advance by a frame, during which the volume error at its start relaxes."""
        self.expansion = relaxation(self._error(), seconds, self.window.dx, self.weight)
        self._impacts = Impacts()
        return super().advance(seconds)

    def fields(self) -> dict[str, Tensor]:
        """Beside those of `Simulation`: positions (n, dim), m, and velocities (n, dim), m/s, of the
        particles and of points in their place where the grid alone carries the liquid, and distance
        (*shape), m: signed, of the surface, negative in the liquid."""
        window = self.window
        positions, velocities = population.points(self.particles, self.velocity)
        distance = self.grid.fitted(window.cells(self.surface.distance), window, FAR)
        return {
            **super().fields(),
            "positions": window.metres(positions),
            "velocities": velocities,
            "distance": distance * window.dx,
        }

    def change_inflow(self, number: int, inflow: Inflow) -> None:
        """Put another inflow in the place of number 0, 1, ..., from now on; `state` holds none.

        Raises IndexError if there is no such inflow.
        """
        if self.sources is None:
            raise IndexError("the scene has no inflow")
        self.sources.change_inflow(number, inflow)

    def state(self) -> dict[str, Tensor]:
        return {**super().state(), **stored.state_of(self)}

    def carriers(self) -> dict[str, Tensor]:
        surface = self.surface.distance
        return {"velocity": self.velocity, **self.particles.carriers(), "surface": surface}

    def restore(self, state: dict[str, Tensor]) -> None:
        if (window := self.grid.window(*state["window"].tolist())) != self.window:
            self.particles = self.particles.none(self.window)
            with torch.no_grad():  # all that it fits is replaced
                self.cover(window)
        if self.bodies is not None:
            self.bodies.restore(state)
        super().restore(state)
        self._before = torch.zeros_like(self.velocity)
        stored.restore(self, state)

    def step(self, dt: float) -> None:
        """A leapfrog: velocities, of the middles of steps, are pushed from the middle of the step
        before to that of this one, from the very start in the first; positions go a whole step."""
        particles, timer = self.particles, self.timer
        since, push, self.dt_before = self.dt_before, (self.dt_before + dt) / 2, dt
        with timer("solids"):
            if self.bodies is None:  # with bodies all solids move on after the projection
                self.move_solids(dt)
        if self.sources is not None:
            with timer("sources"):
                self._exchange(self.sources)
        with timer("forces"):
            rise = None
            if self.physics.surface_tension > 0:
                distance = self.window.cells(self.surface.distance)
                rise = foreseen_rise(distance, self.velocity, self.window, dt)
        with timer("transfer"):
            weights = particles.to_faces(self.velocity, self._before, since)
            fluid = self.fluid_cells()
            kinds = cell_kinds(fluid, particles.held, self.solids, self.window)
            if close_gaps(self.velocity, fluid, weights, self.solids):
                self._before.copy_(self.velocity)
        with timer("forces"):
            pushed = self._push(push)
            domain, expansion = self._domain(fluid, kinds, rise)
            if self.bodies is not None:
                domain = self.bodies.couple(domain, self.gravity, push, dt)
        self.diffuse(domain, push, pushed=pushed)
        self.project(domain, push, expansion)
        with timer("extrapolate"):
            continue_beyond(domain, self.velocity, self.solids, dt)
        if self.bodies is not None:
            with timer("solids"):
                self.bodies.advance(self.time, dt, self.report)
        with timer("extrapolate"):
            self.enforce_walls(domain.open_faces)
        with timer("move"):
            flip = self.physics.flip or 0.0
            flow = particles.move(self.velocity, self._before, self.solids, dt, flip)
        with timer("surface"):
            self.surface.carry(flow, dt)
        with timer("sort"):
            self._sort(kinds, flow, dt)
        with timer("surface"):
            held = SMOOTHED if self.physics.surface_tension > 0 else HELD
            self.surface.hold(particles, self.solids, held)

    def cover(self, window: Grid) -> None:
        super().cover(window)
        self._before = torch.zeros_like(self.velocity)
        self.surface.cover(window)
        self.particles = self.particles.moved(window)
        if self.sources is not None:
            self.sources.cover(window)

    def follow(self) -> None:
        """Let the window follow the liquid; one of the whole domain is looked at once a frame."""
        if self.window.is_whole and self.report.substeps > 0:
            return
        with self.timer("window"):
            poured = None if self.sources is None else self.sources.box(self.time)
            held, before = self.particles.held, self.window
            window = window_for(self.surface.distance, held, poured, before, self.cfl)
            if window != before:
                self.cover(window)

    def fluid_cells(self) -> Tensor:
        """Cells whose pressure is sought, (*shape) bool."""
        pulled = None if self.pressure is None else self.pressure < 0
        return self.surface.wet(self.particles.held, pulled, self.solids)

    def speed(self) -> float:
        return population.speed(self.particles, self.velocity)

    def top_speed(self, seconds: float) -> float:
        population.refuse_lost(self.particles, self.time)
        speed = self.speed()
        if self.sources is not None:
            poured = self.sources.top_speed(self.time, seconds)
            speed = max(speed, poured, key=lambda v: (math.isnan(v), v))
        return speed + (self.weight + self.pushing()) * seconds

    def _substeps_for(self, seconds: float) -> int:
        """As many as `Simulation` takes, or more if liquid is about to hit something."""
        steps = super()._substeps_for(seconds)
        grid, fluid, distance = self.window, self.fluid_cells(), self.surface.distance

        def pressed_in(count: int) -> float:
            return pressed(self.velocity, distance, fluid, self.solids, seconds / count, grid)

        most = seconds * self.reach / (SMALL_STEP * grid.dx)
        return self._impacts.steps(steps, most, float(fluid.sum()), pressed_in)

    def longest_step(self) -> float:
        tension = number(self.physics.surface_tension) / self.options.density
        return longest_step(self.window.dx, self.weight, tension)

    @property
    def particle_count(self) -> int:
        """Particles now, with those that a full liquid would have where the grid carries it."""
        return population.count(self.particles)

    def volume_error(self) -> float:
        """Relative error of the liquid's volume: what is there or left, over what was or came."""
        return number(self._error())

    def _error(self) -> float | Tensor:
        """`volume_error`, a tensor where torch records it."""
        particle = self.window.dx**self.window.dim / SEEDED[self.window.dim]
        expected = self.first_volume + self.exchanged.poured * particle
        if expected <= 0:
            return 0.0
        gone = (self.lost.left + self.exchanged.drained) * particle
        return (self._volume() + gone) / expected - 1

    def holes(self) -> int:
        """Cells of air that liquid and solids shut in, too few for a bubble."""
        kinds = cell_kinds(self.fluid_cells(), self.particles.held, self.solids, self.window)
        return holes(kinds, self.window)

    def _volume(self) -> float | Tensor:
        return liquid_volume(self.surface.distance, self.particles, self.solids, self.window)

    def _sort(self, kinds: Tensor, flow: Tensor, dt: float) -> None:
        self.steps += 1
        seed = hash((self.setup.seed, self.steps))
        wet = None
        if self.particles.band is not None:
            self.particles.band.carry(flow, dt, self.solids)
            wet = self._may_be_deep(self.time + dt)
        changes = self.particles.sort_and_resample(kinds, self.solids, flow, seed, dt, wet)
        self.lost += changes
        self.report.add_changes(changes.added, changes.removed, changes.left)

    def _may_be_deep(self, time: float) -> Tensor:
        """Cells (*shape) bool inside the surface where nothing flows in or out."""
        inside = self.window.cells(self.surface.distance) < 0
        return inside if self.sources is None else inside & ~self.sources.reached(time)

    def _push(self, dt: float) -> Tensor | None:
        """Let gravity and the body force act; what they did, (dim, *nodes), if viscosity asks."""
        before = None if self.viscosity is None else self.velocity.clone()
        add_gravity(self.velocity, self.gravity, dt)
        if self.body_force is not None:
            self.body_force.add(self.velocity, self.time + (self.dt_before - dt) / 2, dt)
        return None if before is None else self.velocity - before

    def _domain(
        self, fluid: Tensor, kinds: Tensor, rise: Tensor | None
    ) -> tuple[FlowDomain, float | Tensor]:
        """Where the liquid flows, and the divergence to reach; inflows set their faces."""
        distance = self.window.cells(self.surface.distance)
        open_faces = self._open_faces(kinds)
        tension = self.physics.surface_tension
        pressure = None if rise is None else tension * curvature(distance, self.window, rise)
        interface = Interface.of(distance, fluid, self.window, pressure)
        viscous, kinds = self.viscosity is not None, self.window.cells(kinds)
        filled = filling(distance, fluid, kinds) if viscous else None
        expansion, held, around = self.expansion, None, self.solids.velocity
        if self.sources is not None:
            driven = self.sources.drive(self.velocity, open_faces, self.time)
            if driven is not None:
                expansion, held = driven.divergence + self.expansion, driven.faces
        return FlowDomain(fluid, open_faces, around, interface, held, filled), expansion

    def _exchange(self, sources: SourcesAndSinks) -> None:
        sources.look(lambda: number(self._volume()))
        exchange = sources.apply(self.particles, self.time)
        inflow = sources.distance(self.time)
        if inflow is not None:
            self.surface.unite(inflow)
        self.exchanged += exchange
        self.report.full |= sources.full
        self.report.particles_poured += exchange.poured
        self.report.particles_drained += exchange.drained

    def _open_faces(self, kinds: Tensor) -> Tensor:
        """The open part of each face, with those that the liquid leaves."""
        solids = self.solids
        if self.pressure is None:
            return solids.open
        weight = self.options.density * (self.weight + self.pushing())
        least = WALL_PUSHES * weight * self.window.dx
        return open_faces(self.velocity, self.pressure, kinds, solids, self.window, least)
