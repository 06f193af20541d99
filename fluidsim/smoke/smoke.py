"""Smoke: density and temperature carried by a flow that they drive."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from fluidsim.flow.accelerations import Acceleration, add_buoyancy
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.extrapolation import Continuation, levels_beside, levels_of
from fluidsim.flow.flux import subtract_gradient
from fluidsim.flow.imposed import refuse_trapped_flow, with_open_face
from fluidsim.flow.simulation import PressureOptions, Simulation, fill, top_component
from fluidsim.grid.grid import Grid
from fluidsim.smoke.advection import Advection
from fluidsim.smoke.confinement import add_vorticity_confinement
from fluidsim.smoke.cut_cells import CutCells, touched
from fluidsim.smoke.emission import Emitter, let_in
from fluidsim.smoke.fans import Fans
from fluidsim.smoke.midstep import Midstep
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.smoke.transport import Transport
from fluidsim.solid.images import repeated
from fluidsim.solid.solids import Solids
from fluidsim.timing import StageTimer

DENSITY, TEMPERATURE, FUEL = range(3)  # of the scalars
FAR = 1.5  # cells in a step
FORESEEN = 2.0  # cells of motion in a step, beyond which the pressure's change is trusted less
SOLID_LAYERS = 2  # cells of a solid into which values are continued, for interpolation near it


class Smoke(Simulation):
    """Fedkiw, Stam & Jensen 2001, "Visual simulation of smoke".

    scalars (2, *nodes): density and temperature in the cells; (3, *nodes) with the fuel where a
    source has some.
    """

    def __init__(
        self,
        grid: Grid,
        solids: Solids,
        sources: Sequence[Source],
        physics: SmokeOptions,
        options: PressureOptions,
        timer: StageTimer,
        cfl: float,
        seed: int,
        body_force: Acceleration | None = None,
    ):
        super().__init__(grid, solids, options, cfl, timer, physics.viscosity, body_force)
        self.physics = physics
        self.sources = tuple(sources)
        self.burns = any(source.fuel > 0 for source in self.sources)
        self.scalars = grid.zeros(self.device, 3 if self.burns else 2)
        self._spare_velocity = torch.zeros_like(self.velocity)
        self.acceleration = torch.zeros_like(self.velocity)
        self._pressure_ahead: Tensor | None = None
        self._viscous_share = 0.0
        self._middle, self._flux = (Midstep(grid, self.device) for _ in range(2))
        self._advection = Advection(grid, self.device, physics.advection)
        self._transport = Transport(grid, self.device)
        self._cut: CutCells | None = None
        self._generator = torch.Generator().manual_seed(seed)
        self._emitters = [
            Emitter(repeated(source.shape, grid), source.roughness, grid, self.device)
            for source in self.sources
        ]
        self._continuations: tuple[Continuation, Continuation] | None = None
        fans = [
            (repeated(source.shape, grid), source.velocity, source.acts)
            for source in self.sources
            if source.velocity is not None
        ]
        self._fans = Fans(fans, solids)
        imposed = self._fans.imposed(0.0)
        refuse_trapped_flow(self.smoke_cells(), imposed, solids)
        solids.stop_at_walls(self.velocity, solids.open)  # so that the first step is short enough
        if imposed is not None:
            imposed.set(self.velocity)

    @property
    def density(self) -> Tensor:
        """(*shape), 1."""
        return self.grid.cells(self.scalars[0])

    @property
    def temperature(self) -> Tensor:
        """(*shape), K above ambient."""
        return self.grid.cells(self.scalars[1])

    def state(self) -> dict[str, Tensor]:
        clocks = self._middle.seconds, self._viscous_share, self._transport.turns
        ahead = {} if self._pressure_ahead is None else {"pressure_ahead": self._pressure_ahead}
        return {
            **super().state(),
            **ahead,
            "scalars": self.scalars,
            "acceleration": self.acceleration,
            "velocity_before": self._middle.before,
            "flux_before": self._flux.before,
            "clocks": torch.tensor(clocks, dtype=torch.float64),
            "sources_random": self._generator.get_state(),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        self._pressure_ahead = None
        if self.pressure is not None:
            self._pressure_ahead = torch.zeros_like(self.pressure)
            fill(self._pressure_ahead, state["pressure_ahead"])
        self._projector.guess_from(self._pressure_ahead)
        fill(self.scalars, state["scalars"])
        fill(self.acceleration, state["acceleration"])
        fill(self._middle.before, state["velocity_before"])
        fill(self._flux.before, state["flux_before"])
        self._middle.seconds, self._viscous_share, turns = state["clocks"].tolist()
        self._flux.seconds, self._transport.turns = self._middle.seconds, int(turns)
        self._generator.set_state(state["sources_random"])
        self._continuations = self._cut = None

    def step(self, dt: float) -> None:
        timer, last = self.timer, self._middle.seconds
        if last == 0:
            self._begin(dt)
        flux = self._flux.ahead(self._flow(), dt) * (dt / self.grid.dx)
        room, flowing = self._room(), self.smoke_cells()
        with timer("solids"):
            self.move_solids(dt)
            if self.solids.moving:
                self._continuations = None
        middle = self._reflect(dt) if self._goes_far(dt) else None
        with timer("advect"):
            if middle is None:
                self._carry_velocity(dt)
            self._carry_scalars(flux, room, flowing)
        with timer("forces"):
            self._fade(dt)
            self._feed(dt)
            expansion = self._burn(dt)
            self._take_forces(self.time + dt)
            self.velocity.add_(self.acceleration, alpha=0.5 * dt)
        self._drag(dt)
        ahead = min(1.0, FORESEEN / self.cfl) * dt / (dt + last)
        self._balance(0.5 * dt, expansion, ahead, middle)
        with timer("solids"):
            self._continue_into_solids()

    def _project(self, dt: float, expansion: float | Tensor = 0.0) -> None:
        """As `project`; the velocity of sources that have one is kept."""
        fluid, opened, solid = self.smoke_cells(), self.solids.open, self.solids.velocity
        imposed = self._fans.imposed(self.time)
        if imposed is not None:
            imposed.set(self.velocity)
            opened, solid = imposed.closing(opened, solid)
            fluid = with_open_face(fluid, opened, self.grid)
        self.project(FlowDomain(fluid, opened, solid), dt, expansion)

    def smoke_cells(self) -> Tensor:
        """Cells with room outside of solids, (*shape) bool."""
        return self.grid.cells(self.solids.solid) == 0

    def top_speed(self, seconds: float) -> float:
        hottest = top_component(self.temperature)
        pushed = abs(self.physics.lift) * hottest + self.pushing()
        return top_component(self.velocity) + pushed * seconds

    @property
    def particle_count(self) -> int:
        return 0

    def volume_error(self) -> float:
        """0: smoke fills its box, there is no surface to lose volume at."""
        return 0.0

    def smoke_mass(self) -> float:
        """The density over the volume outside of solids, m^dim."""
        return self._amount(self.density * self._room())

    def _carry_velocity(self, dt: float) -> None:
        """Carry the velocity and the first half of its acceleration."""
        middle = self._middle.ahead(self.velocity, dt)
        self._advection.trace(middle, dt)
        self.velocity.add_(self.acceleration, alpha=0.5 * dt)
        velocity = self._advection.faces(self.velocity, self._spare_velocity)
        self.velocity, self._spare_velocity = velocity, self.velocity

    def _goes_far(self, dt: float) -> bool:
        """Whether two projections serve a step better than one: there is no time to be won where
        the fluid goes little more than a cell, and every half step blurs."""
        plain = self.viscosity is None and not self.burns
        return plain and top_component(self.velocity) * dt > FAR * self.grid.dx

    def _reflect(self, dt: float) -> Tensor:
        """Carry by half a step, mirror the flow at the one free of divergence, carry by the rest:
        Zehnder, Narain & Thomaszewski 2018, "An advection-reflection solver for detail-preserving
        fluid simulation". The pressure in the middle of the step, (*shape), Pa."""
        timer, half, earlier = self.timer, dt / 2, self.pressure
        with timer("advect"):
            start = self.velocity.clone()
            self._advection.trace(self._middle.ahead(start, half), half)
            self._middle.seconds = dt
            self._press(self.acceleration, self._pressure_ahead, -1.0)
            self.velocity.add_(self.acceleration, alpha=half)
            carried = self._advection.faces(self.velocity, self._spare_velocity)
            self.velocity.copy_(carried)
        self._project(half)
        with timer("advect"):
            self._continue_velocity()
            self._advection.trace(1.5 * self.velocity - 0.5 * start, half)
            self.velocity.mul_(2).sub_(carried)
            imposed = self._fans.imposed(self.time)
            if imposed is not None:
                imposed.set(self.velocity)
            self.enforce_walls(self.solids.open)
            self.velocity = self._advection.faces(self.velocity)
        self._projector.guess_from(None)
        assert self.pressure is not None
        middle, self.pressure = self.pressure, earlier
        return middle

    def _carry_scalars(self, flux: Tensor, room: Tensor, flowing: Tensor) -> None:
        solids = self.solids
        if self._cut is None or solids.moving:
            flowing = flowing | self.smoke_cells() | touched(flux, self.grid)
            self._cut = CutCells(room, self._room(), flowing, solids.open, self.grid)
        before = self.scalars.clone()
        volume, left = self._transport.carry(self.scalars, flux)
        for number, values in enumerate(self.scalars):
            self._cut.set_right(values, before[number], volume, number != TEMPERATURE)
        self.report.smoke_left += float(left[0]) * self.grid.dx**self.grid.dim

    def _fade(self, dt: float) -> None:
        rates = self.physics.dissipation, self.physics.cooling
        if rates[DENSITY] != 0:
            self.report.smoke_faded -= self.smoke_mass() * math.expm1(-rates[DENSITY] * dt)
        for values, rate in zip(self.scalars[:2], rates, strict=True):
            if rate != 0:
                values *= math.exp(-rate * dt)

    def _feed(self, dt: float) -> None:
        for source, emitter in zip(self.sources, self._emitters, strict=True):
            if source.acts(self.time):
                levels = (source.density, source.temperature, source.fuel)[: len(self.scalars)]
                density = self.density[emitter.places]
                emitter.feed(self.scalars, levels, self._generator)
                rise = (self.density[emitter.places] - density) * self._room()[emitter.places]
                self.report.smoke_added += self._amount(rise)
        if self.solids.boundary.inlets:
            before = self.smoke_mass()
            let_in(self.scalars, self.solids.boundary, dt, self.grid)
            self.report.smoke_added += self.smoke_mass() - before

    def _burn(self, dt: float) -> Tensor | float:
        """The divergence of the burning, 1/s; in a closed room the pressure gives way to it."""
        if not self.burns:
            return 0.0
        before = self.smoke_mass()
        expansion = self.physics.combustion.burn(self.scalars, dt, self.grid)
        self.report.smoke_burnt += self.smoke_mass() - before
        return expansion

    def _begin(self, dt: float) -> None:
        """Fill the sources, make the start free of divergence and find its acceleration: its
        pressure by a trial step, if anything moves or is pushed."""
        self.grid.join(self.velocity)
        self._feed(0.0)
        self._take_forces(self.time)
        if not (self.velocity.any() or self.acceleration.any()):
            return
        observer, self.observer = self.observer, None  # the trial is no step of the run
        iterations = self.report.iterations
        self._project(dt)
        self.pressure = self._pressure_ahead = None
        start = self.velocity.clone()
        self._advection.trace(start, dt)
        self.velocity = self._advection.faces(start + dt * self.acceleration)
        self._balance(dt, 0.0, 0.0)
        self.velocity, self.observer, self.report.iterations = start, observer, iterations

    def _flow(self) -> Tensor:
        """Volume through each face over its area, (dim, *nodes), m/s."""
        solids = self.solids
        flow = solids.open * self.velocity
        if solids.boundary.inlets:
            flow += solids.walls * solids.velocity
        return flow

    def _take_forces(self, time: float) -> None:
        """Take the forces at a time, s, as the acceleration: its halves act before and after the
        flow carries the velocity."""
        physics, grid = self.physics, self.grid
        self.acceleration.zero_()
        add_buoyancy(
            self.acceleration, self.density, self.temperature, physics.weight, physics.lift, 1.0,
            grid,
        )  # fmt: skip
        if self.body_force is not None:
            self.body_force.add(self.acceleration, time, 1.0)
        if physics.vorticity > 0:
            add_vorticity_confinement(self.acceleration, self.velocity, physics.vorticity, grid)

    def _drag(self, dt: float) -> None:
        """Viscosity: implicit for what the old acceleration left; the new one takes its share.
        Faces that stick do so at once: half a stop a step would swing for ever.

        The last pressure acts meanwhile, so that walls hold what comes of it and a steady flow is
        that of any step (van Kan 1986, "A second-order accurate pressure-correction scheme for
        viscous incompressible flow").
        """
        if self.viscosity is None:
            return
        opened, imposed = self.solids.open, self._fans.imposed(self.time)
        if imposed is not None:
            imposed.set(self.velocity)
        implicit = (1 - self._viscous_share) * dt
        self._press(self.velocity, self.pressure, 0.5 * dt)
        before = self.velocity.clone()
        held = None if imposed is None else imposed.faces
        domain = FlowDomain(self.smoke_cells(), opened, self.solids.velocity, held=held)
        self.diffuse(domain, implicit, whole=dt)
        drags = (opened > 0) & ~self.viscosity.stuck
        change = torch.where(drags, self.velocity - before, 0.0)
        self._press(self.velocity, self.pressure, -0.5 * dt)
        self._viscous_share = self.viscosity.explicit_share(dt)
        self.acceleration.add_(change, alpha=2 * self._viscous_share / implicit)

    def _press(self, target: Tensor, pressure: Tensor | None, seconds: float) -> None:
        """Add what a pressure does to a velocity in this time, or in 1 s to an acceleration."""
        if pressure is not None:
            opened, imposed = self.solids.open, self._fans.imposed(self.time)
            if imposed is not None:
                opened, _ = imposed.closing(opened, self.solids.velocity)
            density = self.options.density
            subtract_gradient(target, pressure * seconds, opened, density, self.grid)

    def _balance(
        self,
        rest: float,
        expansion: Tensor | float,
        ahead: float,
        middle: Tensor | None = None,
    ) -> None:
        """Project, with the pressure at the end of the step over the `rest` of it, s.

        The pressure that is kept is that in the `middle` of the step, where it is known, else the
        mean of this one and of what acted before: that at the end would swing from step to step. In
        the first half of the next step acts what it comes to at the end, `ahead` times its last
        change: late by half a step, it would change the velocity by its gradient carried along less
        its gradient.
        """
        earlier, acted = self.pressure, self._pressure_ahead
        self._project(rest, expansion)
        assert self.pressure is not None
        if acted is not None and middle is None:
            middle = 0.5 * (self.pressure + acted)
        if middle is not None:
            self.pressure = middle
        before = self.pressure if earlier is None else earlier
        self._pressure_ahead = torch.lerp(self.pressure, before, -ahead)
        self._projector.guess_from(self._pressure_ahead)
        self._press(self.acceleration, self._pressure_ahead, 1.0)
        imposed = self._fans.imposed(self.time)
        if imposed is not None:
            self.acceleration.masked_fill_(imposed.faces, 0.0)

    def _room(self) -> Tensor:
        """The part of each cell that smoke can fill, (*shape)."""
        return self.solids.room * self.smoke_cells()

    def _amount(self, values: Tensor) -> float:
        return float(values.sum(dtype=torch.float64)) * self.grid.dx**self.grid.dim

    def _continue_into_solids(self) -> None:
        """Give solid cells and the faces between them the values of the smoke beside them."""
        self._continue_velocity()
        if self._continuations is not None:
            for values in self.scalars:
                self._continuations[0].apply(values)
            self._continuations[1].apply(self.acceleration)

    def _continue_velocity(self) -> None:
        solids, grid = self.solids, self.grid
        if solids.static is not None or solids.moving:
            if self._continuations is None:
                smoke = self.smoke_cells()
                kept = (solids.open > 0) | solids.walls
                self._continuations = (
                    Continuation.of(levels_of(smoke, 1, grid), SOLID_LAYERS, grid),
                    Continuation.of(levels_beside(smoke, kept, grid), SOLID_LAYERS, grid),
                )
            self._continuations[1].apply(self.velocity)
        self.enforce_walls(solids.open)
