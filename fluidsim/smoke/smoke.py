"""Smoke: density and temperature carried by a flow that they drive."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.flux import subtract_gradient
from fluidsim.flow.imposed import with_open_face
from fluidsim.flow.report import FrameReport
from fluidsim.flow.simulation import Setup, Simulation
from fluidsim.flow.values import number, taken, top_component
from fluidsim.smoke.advection import Advection
from fluidsim.smoke.driving import forces, through_faces
from fluidsim.smoke.entering import Suction, straightened
from fluidsim.smoke.fans import Fans
from fluidsim.smoke.inside_solids import InsideSolids
from fluidsim.smoke.midstep import Midstep
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.smoke.scalars import Scalars

FAR = 1.5  # cells in a step
FORESEEN = 2.0  # cells of motion in a step, beyond which the pressure's change is trusted less


class Smoke(Simulation):
    """Fedkiw, Stam & Jensen 2001, "Visual simulation of smoke". carried: density and the like."""

    def __init__(self, setup: Setup, sources: Sequence[Source], physics: SmokeOptions):
        super().__init__(setup, physics.viscosity)
        grid, solids = self.grid, self.solids
        self.physics = physics
        self.carried = Scalars(solids, sources, physics, setup.seed)
        self.acceleration = torch.zeros_like(self.velocity)
        self._pressure_ahead: Tensor | None = None
        self._viscous_share = 0.0
        self._middle, self._flux = (Midstep(grid, self.device) for _ in range(2))
        self._advection = Advection(grid, self.device, physics.advection)
        self._inside = InsideSolids(solids)
        self._fans = Fans(sources, solids)
        self._fans.refuse_trapped_flow(0.0)
        solids.stop_at_walls(self.velocity, solids.open)  # so that the first step is short enough
        self._fans.blow(self.velocity, 0.0)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Those that act now; `change_source` puts another in the place of one."""
        return self.carried.sources

    def change_source(self, number: int, source: Source) -> None:
        """Put another source in the place of number 0, 1, ..., from now on; `state` holds none.

        Raises IndexError if there is no such source, ValueError if it cannot act in this run.
        """
        fans = self._fans.changed(number, source)
        fans.refuse_trapped_flow(self.time)
        self.carried.change_source(number, source)
        self._fans = fans

    @property
    def scalars(self) -> Tensor:
        """(2, *nodes): density and temperature in the cells; (3, *nodes) with fuel."""
        return self.carried.values

    @property
    def density(self) -> Tensor:
        """(*shape), 1."""
        return self.carried.density

    @property
    def temperature(self) -> Tensor:
        """(*shape), K above ambient."""
        return self.carried.temperature

    def fields(self) -> dict[str, Tensor]:
        """Beside those of `Simulation`: density, temperature (K above ambient), and fuel where a
        source has some, (*shape), 0 in solids."""
        return {**super().fields(), **self.carried.fields()}

    def state(self) -> dict[str, Tensor]:
        clocks = self._middle.seconds, self._viscous_share, self.carried.transport.turns
        ahead = {} if self._pressure_ahead is None else {"pressure_ahead": self._pressure_ahead}
        return {
            **super().state(),
            **ahead,
            "scalars": self.scalars,
            "acceleration": self.acceleration,
            "velocity_before": self._middle.before,
            "flux_before": self._flux.before,
            "clocks": torch.tensor(clocks, dtype=torch.float64),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        self._pressure_ahead = None
        if self.pressure is not None:
            self._pressure_ahead = taken(self.pressure, state["pressure_ahead"])
        self._projector.guess_from(self._pressure_ahead)
        self.carried.values = taken(self.scalars, state["scalars"])
        self.acceleration = taken(self.acceleration, state["acceleration"])
        self._middle.before = taken(self.velocity, state["velocity_before"])
        self._flux.before = taken(self.velocity, state["flux_before"])
        self._middle.seconds, self._viscous_share, turns = state["clocks"].tolist()
        self._flux.seconds, self.carried.transport.turns = self._middle.seconds, int(turns)
        self._inside.forget()
        self._fans.forget()
        self.carried.forget_solids()

    def step(self, dt: float) -> None:
        timer, last = self.timer, self._middle.seconds
        if last == 0:
            self._begin(dt)
        flux = self._flux.ahead(through_faces(self.velocity, self.solids), dt) * (dt / self.grid.dx)
        room, flowing = self.carried.room(), self.smoke_cells()
        with timer("solids"):
            self.move_solids(dt)
            if self.solids.moving:
                self._inside.forget()
        middle = self._reflect(dt) if self._goes_far(dt) else None
        with timer("advect"):
            if middle is None:
                self._carry_velocity(dt)
                self._suction().act(self.velocity, 0.5 * dt)
            self.velocity = straightened(self.velocity, self.solids, dt)
            self.report.smoke_left += self.carried.carry(flux, room, flowing)
        with timer("forces"):
            self.report.smoke_faded += self.carried.fade(dt)
            self.report.smoke_added += self.carried.feed(self.time, dt)
            expansion, burnt = self.carried.burn(dt)
            self.report.smoke_burnt += burnt
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
        return self.carried.smoke_cells()

    def top_speed(self, seconds: float) -> float:
        pushed = abs(number(self.physics.lift)) * top_component(self.temperature) + self.pushing()
        return top_component(self.velocity) + pushed * seconds

    def smoke_mass(self) -> float:
        return self.carried.mass()

    def _carry_velocity(self, dt: float) -> None:
        """Carry the velocity and the first half of its acceleration."""
        self._advection.trace(self._middle.ahead(self.velocity, dt), dt)
        self.velocity.add_(self.acceleration, alpha=0.5 * dt)
        self.velocity = self._advection.used_up(self.velocity)

    def _goes_far(self, dt: float) -> bool:
        """Whether two projections serve a step better than one: there is no time to be won where
        the fluid goes little more than a cell, and every half step blurs."""
        plain = self.viscosity is None and not self.carried.burns
        return plain and top_component(self.velocity) * dt > FAR * self.grid.dx

    def _reflect(self, dt: float) -> Tensor:
        """Carry by half a step, mirror the flow at the one free of divergence, carry by the rest:
        Zehnder, Narain & Thomaszewski 2018, "An advection-reflection solver for detail-preserving
        fluid simulation". The pressure in the middle of the step, (*shape), Pa."""
        timer, half, earlier, suction = self.timer, dt / 2, self.pressure, self._suction()
        with timer("advect"):
            start = self.velocity.clone()
            self._advection.trace(self._middle.ahead(start, half), half)
            self._middle.seconds = dt
            self._press(self.acceleration, self._pressure_ahead, -1.0)
            suction.act(self.acceleration, -1.0)
            self.velocity.add_(self.acceleration, alpha=half)
            carried = self._advection.faces(self.velocity)
            self.velocity = carried.clone()
            suction.act(self.velocity, half)
        self._project(half)
        with timer("advect"):
            self._continue_velocity()
            self._advection.trace(1.5 * self.velocity - 0.5 * start, half)
            self.velocity.mul_(2).sub_(carried)
            self._fans.blow(self.velocity, self.time)
            self.enforce_walls(self.solids.open)
            self.velocity = self._advection.faces(self.velocity)
        self._projector.guess_from(None)
        assert self.pressure is not None
        middle, self.pressure = self.pressure, earlier
        return middle

    def _begin(self, dt: float) -> None:
        """Fill the sources, make the start free of divergence and find its acceleration: its
        pressure by a trial step, if anything moves or is pushed."""
        self.grid.join(self.velocity)
        self.report.smoke_added += self.carried.feed(self.time, 0.0)
        self._take_forces(self.time)
        if not (self.velocity.any() or self.acceleration.any()):
            return
        observer, self.observer = self.observer, None  # the trial is no step of the run
        report, self.report = self.report, FrameReport()
        self._project(dt)
        self.pressure = self._pressure_ahead = None
        start = self.velocity.clone()
        self._middle.before, self._middle.seconds = start, dt
        self._advection.trace(start, dt)
        self.velocity = self._advection.faces(start + dt * self.acceleration)
        self._suction().act(self.velocity, dt)
        self._balance(dt, 0.0, 0.0)
        self.velocity, self.observer, self.report = start, observer, report

    def _take_forces(self, time: float) -> None:
        """Take the forces at a time, s, as the acceleration: its halves act before and after the
        flow carries the velocity."""
        self.acceleration = forces(self.velocity, self.carried, self.physics, self.body_force, time)

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

    def _suction(self) -> Suction:
        return Suction(self.velocity, self.solids, self._middle.seconds)

    def _press(self, target: Tensor, pressure: Tensor | None, seconds: float) -> None:
        """Add what a pressure does to a velocity in this time, or in 1 s to an acceleration."""
        if pressure is not None:
            opened, imposed = self.solids.open, self._fans.imposed(self.time)
            if imposed is not None:
                opened, _ = imposed.closing(opened, self.solids.velocity)
            acting = pressure * seconds
            subtract_gradient(target, acting, opened, self.options.density, self.grid)

    def _balance(
        self, rest: float, expansion: Tensor | float, ahead: float, middle: Tensor | None = None
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
        self._suction().act(self.acceleration, 1.0)
        imposed = self._fans.imposed(self.time)
        if imposed is not None:
            self.acceleration.masked_fill_(imposed.faces, 0.0)

    def _continue_into_solids(self) -> None:
        self._continue_velocity()
        for component in range(len(self.scalars)):
            self._inside.fill_cells(self.scalars[component])
        self._inside.fill_faces(self.acceleration)

    def _continue_velocity(self) -> None:
        self._inside.fill_faces(self.velocity)
        self.enforce_walls(self.solids.open)
