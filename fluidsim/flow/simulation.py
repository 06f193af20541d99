"""What liquids and smoke share: time steps, the projection, and the report of a frame."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.errors import SimulationError
from fluidsim.flow.accelerations import Acceleration, BodyForce
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.loads import pressure_force
from fluidsim.flow.pressure import Observer, PressureOptions, Projector
from fluidsim.flow.report import FrameReport
from fluidsim.flow.values import taken, top_component
from fluidsim.flow.viscosity import Viscosity
from fluidsim.grid.grid import Grid
from fluidsim.solid.solids import Solids
from fluidsim.timing import StageTimer
from solvers.sharing import fair_threads

MOST_SUBSTEPS = 1000  # in a frame of up to LONG seconds; more means that speeds have exploded
LONG = 0.1  # s, for which what accelerates the flow is looked ahead in a longer frame
SOLID_CELLS = 0.9  # that a solid may move in a substep: farther, thin walls step over particles


@dataclass(frozen=True)
class Setup:
    """Where a simulation takes place and how it is computed.

    grid: of the domain, or the window of it that the fields cover at first, as `solids` do. cfl:
    cells that anything may move in a substep. seed: of all random numbers. body_force: an
    acceleration as a function of points and time, see BodyForce.
    """

    grid: Grid
    solids: Solids
    pressure: PressureOptions
    timer: StageTimer
    cfl: float
    seed: int = 0
    body_force: Acceleration | None = None


class Simulation(ABC):
    """State on a grid that goes forward in time by whole frames of adaptive substeps.

    grid: of the domain. window: the part of it that the fields cover; nothing flows in the rest.
    """

    def __init__(self, setup: Setup, viscosity: float | Tensor = 0.0):
        """viscosity: dynamic, Pa s. 0 lets the flow slip along walls, more makes it stick."""
        self.setup = setup
        self.grid = setup.grid.whole
        self.solids = setup.solids
        self.options = setup.pressure
        self.cfl = setup.cfl
        self.timer = setup.timer
        self.device = setup.solids.device
        self.time = 0.0
        self.velocity = setup.grid.zeros(self.device, self.grid.dim)
        self.pressure: Tensor | None = None
        self._viscosity = viscosity
        self._projector = Projector(setup.grid, setup.pressure)
        self._work_on(setup.grid)
        self.report = FrameReport()
        self.reach = 0.0  # bound of the speed in this frame so far
        self.observer: Observer | None = None
        self.after_substep: Callable[[], None] | None = None

    def _work_on(self, window: Grid) -> None:
        """Prepare the parts of a step that depend on the window."""
        options, body_force = self.options, self.setup.body_force
        self.window = window
        self.viscosity = (
            Viscosity(window, self._viscosity, options.density, options.rtol)
            if self._viscosity > 0
            else None
        )
        self.body_force = BodyForce(body_force, window, self.device) if body_force else None

    def cover(self, window: Grid) -> None:
        """Let the fields cover another window of the domain."""
        before = self.window
        self.solids.cover(window)
        self.velocity = window.fitted(self.velocity, before, 0.0)
        if self.pressure is not None:
            self.pressure = window.fitted(self.pressure, before, 0.0)
        self._projector.cover(window)
        self._projector.guess_from(self.pressure)
        self._work_on(window)

    def follow(self) -> None:  # noqa: B027
        """Let the window follow the flow, before a step; where it is everywhere, do nothing."""

    @abstractmethod
    def step(self, dt: float) -> None:
        """Advance the state by `dt` seconds."""

    def speed(self) -> float:
        """Largest speed along an axis now, m/s."""
        return top_component(self.velocity)

    @abstractmethod
    def top_speed(self, seconds: float) -> float:
        """Bound of the speed per axis during the next `seconds`, m/s."""

    def longest_step(self) -> float:
        """Bound of the time step, s, that does not come from the speed."""
        return math.inf

    def volume_error(self) -> float:
        """Relative change of the liquid's volume since the start, apart from what left; 0 where
        there is no surface."""
        return 0.0

    def holes(self) -> int:
        """Air cells wrongly enclosed by liquid; 0 without liquid."""
        return 0

    @property
    def particle_count(self) -> int:
        """Particles now; 0 where there are none."""
        return 0

    def smoke_mass(self) -> float:
        """Density times volume of the smoke, m^dim; 0 without smoke."""
        return 0.0

    def fields(self) -> dict[str, Tensor]:
        """Copies of the present fields by name, for looking at.

        velocity: (dim, *shape), m/s, at the centres of the cells. pressure: (*shape) float64, Pa;
        not before the first step.
        """
        velocity = self.window.centred(self.velocity)
        values = {"velocity": self.grid.fitted(velocity, self.window, 0.0)}
        if self.pressure is not None:
            values["pressure"] = self.grid.fitted(self.pressure, self.window, 0.0)
        return values

    def state(self) -> dict[str, Tensor]:
        """Everything on which the future depends, at the end of a frame, by name; read only."""
        values = {
            "time": torch.tensor(self.time, dtype=torch.float64),
            "velocity": self.velocity,
            **self.solids.state(),
            **self._projector.state(),
        }
        if self.pressure is not None:
            values["pressure"] = self.pressure
        return values

    def carriers(self) -> dict[str, Tensor]:
        """The tensors of the state that gradients go through, as they are now, by name."""
        return self.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        """Return to a `state` of the same simulation; from there it repeats bit for bit.

        Raises ValueError or KeyError when the state is of another simulation.
        """
        self.solids.restore(state)
        self.time = float(state["time"])
        self.velocity = taken(self.velocity, state["velocity"])
        nothing = torch.zeros(self.window.shape, dtype=torch.float64, device=self.device)
        self.pressure = taken(nothing, state["pressure"]) if "pressure" in state else None
        self._projector.restore(state, nothing)
        self._projector.guess_from(self.pressure)

    def advance(self, seconds: float) -> FrameReport:
        """Go forward by a frame in equal-sized substeps of at most `cfl` cells of motion."""
        self.report = FrameReport()
        self.reach = 0.0
        end = self.time + seconds
        most = MOST_SUBSTEPS * max(1.0, seconds / LONG)
        left = seconds
        while left > 1e-9 * seconds:
            with fair_threads():
                dt, steps = self._next_substep(left)
            if self.report.substeps + steps > most:
                raise SimulationError(
                    f"speeds exploded: the frame at {self.time:.4g} s would need more than "
                    f"{most:.0f} substeps; try a smaller --frame-seconds or --rtol"
                )
            with fair_threads():
                self.follow()
                self.step(dt)
            self.time = end if steps == 1 else self.time + dt
            self.report.substeps += 1
            self.report.top_speed = max(self.report.top_speed, self.speed())
            left = end - self.time
            if self.after_substep is not None:
                self.after_substep()
        return self.report

    def pushing(self) -> float:
        """The largest acceleration by the body force now, m/s^2."""
        return 0.0 if self.body_force is None else self.body_force.strength(self.time)

    def project(self, domain: FlowDomain, dt: float, expansion: float | Tensor = 0.0) -> None:
        """Give the velocity the divergence `expansion`, 1/s, in the fluid cells: one for all, or
        (*shape); where solids deform, their surface's flow comes to it."""
        if self.solids.swelling is not None:
            expansion = expansion + self.solids.swelling
        with self.timer("project"):
            done = self._projector.project(self.velocity, domain, dt, expansion, self.observer)
        solution = done.solution
        self.timer.add("pressure_setup", done.setup_seconds)
        self.timer.add("pressure_solve", solution.solve_seconds)
        self.timer.add("project", -done.setup_seconds - solution.solve_seconds)
        self.pressure = done.pressure
        self.report.add_solve(solution, done.guess, int(domain.fluid.sum()), done.max_divergence)

    def diffuse(
        self,
        domain: FlowDomain,
        dt: float,
        whole: float | None = None,
        pushed: Tensor | None = None,
    ) -> None:
        """Let viscosity, if any, act on the velocity; `whole` and `pushed` as for
        `Viscosity.apply`.

        Raises SimulationError when the solve fails.
        """
        if self.viscosity is None:
            return
        with self.timer("viscosity"):
            done = self.viscosity.apply(self.velocity, domain, self.solids, dt, whole, pushed)
        self.report.viscosity_iterations += done.iterations
        if not done.relative_residual <= self.options.rtol:
            raise SimulationError(
                f"viscosity reached only a relative residual of {done.relative_residual:.1e} after "
                f"{done.iterations} iterations; try a smaller --frame-seconds or a larger --rtol"
            )

    def enforce_walls(self, open_faces: Tensor) -> None:
        """Stop the flow at walls; inside of solids let it slide, or stick where it is viscous."""
        self.solids.enforce(self.velocity, open_faces)
        if self.viscosity is not None:
            inside = (open_faces == 0) & ~self.solids.walls
            self.velocity[inside] = self.solids.velocity[inside]

    def force_on_solids(self) -> Tensor:
        """What the pressure and friction of the last step do to solids without the domain's walls,
        (dim,) float64, N; in 2D for each metre of depth."""
        force = torch.zeros(self.grid.dim, dtype=torch.float64, device=self.device)
        if self.pressure is not None:
            force += pressure_force(self.pressure, self.solids, self.window)
        if self.viscosity is not None:
            force += self.viscosity.friction(self.solids)
        return force

    def move_solids(self, dt: float) -> None:
        """Bring moving solids to where they are at the end of the step."""
        if self.solids.moving:
            self.solids.update(self.time + dt)

    def _next_substep(self, left: float) -> tuple[float, float]:
        """The length of the next substep, and about how many of them fill what is left."""
        before, steps = self.reach, self._substeps_for(left)
        if left <= LONG or self.report.substeps + steps <= MOST_SUBSTEPS:
            return left / steps, steps
        # Nothing accelerates for so long as speeds that would need so many steps.
        self.reach = before
        dt = LONG / self._substeps_for(LONG)
        return dt, left / dt

    def _substeps_for(self, seconds: float) -> int:
        flow = self.top_speed(seconds)
        speed = flow / self.cfl
        if self.solids.moving:
            solid = self.solids.top_speed_during(self.time, seconds)
            speed = max(speed, solid / SOLID_CELLS, key=lambda v: (math.isnan(v), v))
        if not math.isfinite(speed):
            raise SimulationError(
                f"the velocity is not finite at {self.time:.4g} s (NaN or overflow); "
                "try a smaller --frame-seconds or a tighter --rtol"
            )
        self.reach = max(self.reach, flow)
        cells = seconds * speed / self.grid.dx
        return max(1, math.ceil(max(cells, seconds / self.longest_step()) - 1e-9))
