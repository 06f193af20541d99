"""Smoke: density and temperature carried by a flow that they drive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fluidsim.advection import Advection
from fluidsim.combustion import Combustion
from fluidsim.confinement import add_vorticity_confinement
from fluidsim.continuation import Continuation
from fluidsim.emission import Emitter
from fluidsim.forces import add_buoyancy
from fluidsim.grid import Grid
from fluidsim.levels import levels_beside, levels_of
from fluidsim.shapes import Shape
from fluidsim.simulation import PressureOptions, Simulation, fill, top_component
from fluidsim.solids import Solids
from fluidsim.timing import StageTimer

SOLID_LAYERS = 2  # cells of a solid into which values are continued, for interpolation near it


@dataclass(frozen=True)
class Source:
    """Keeps density (1) and temperature (K above ambient) inside `shape` at these values, in cells
    that it covers in part at that part of them.

    velocity: m/s, imposed there too when given. roughness: relative random variation in space
    and time, which breaks the symmetry that real plumes do not have. fuel: 1, to be burnt.
    until: s, when the source stops, if ever.
    """

    shape: Shape
    density: float = 1.0
    temperature: float = 100.0
    velocity: tuple[float, ...] | None = None
    roughness: float = 0.2
    fuel: float = 0.0
    until: float | None = None


@dataclass(frozen=True)
class SmokeOptions:
    """Physics of a smoke.

    weight: m/s^2 of sinking per unit of density. lift: m/s^2 of rising per K.
    vorticity: strength of the confinement, dimensionless. dissipation, cooling: 1/s.
    viscosity: dynamic, Pa s (air 1.8e-5); 0 lets the flow slip along walls.
    advection: "maccormack" (scalars: cubic) or "semi-lagrangian".
    combustion: of the fuel of sources.
    """

    weight: float = 0.1
    lift: float = 0.033
    vorticity: float = 0.2
    dissipation: float = 0.0
    cooling: float = 0.3
    advection: str = "maccormack"
    viscosity: float = 0.0
    combustion: Combustion = field(default_factory=Combustion)

    def __post_init__(self) -> None:
        if not self.viscosity >= 0:
            raise ValueError(f"viscosity must not be negative, it is {self.viscosity}")


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
    ):
        super().__init__(grid, solids, options, cfl, timer, physics.viscosity)
        self.physics = physics
        self.sources = tuple(sources)
        self.burns = any(source.fuel > 0 for source in self.sources)
        self.scalars = grid.zeros(self.device, 3 if self.burns else 2)
        self._spare_scalars = torch.zeros_like(self.scalars)
        self._spare_velocity = torch.zeros_like(self.velocity)
        self.acceleration = torch.zeros_like(self.velocity)
        self.velocity_before = torch.zeros_like(self.velocity)
        self.dt_before = 0.0
        self._advection = Advection(solids, physics.advection)
        self._generator = torch.Generator().manual_seed(seed)
        self._emitters = [
            Emitter(source.shape, source.roughness, source.velocity, grid, self.device)
            for source in self.sources
        ]
        self._continuations: tuple[Continuation, Continuation] | None = None

    @property
    def density(self) -> Tensor:
        """(*shape), 1."""
        return self.grid.cells(self.scalars[0])

    @property
    def temperature(self) -> Tensor:
        """(*shape), K above ambient."""
        return self.grid.cells(self.scalars[1])

    def state(self) -> dict[str, Tensor]:
        values = {**super().state(), "scalars": self.scalars}
        values["sources_random"] = self._generator.get_state()
        return values

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        fill(self.scalars, state["scalars"])
        self._generator.set_state(state["sources_random"])
        self._continuations = None

    def step(self, dt: float) -> None:
        timer = self.timer
        with timer("solids"):
            self.move_solids(dt)
        with timer("advect"):
            self._carry(dt)
        with timer("forces"):
            self._fade(dt)
            self._feed()
            expansion = self._burn(dt)
            self._push(dt)
        self.diffuse(self.smoke_cells(), self.solids.open, dt)
        before = self.pressure
        self.project(self.smoke_cells(), self.solids.open, dt / 2, expansion)
        if before is None: before = torch.zeros_like(self.pressure)
        self.pressure = 0.5*(before+self.pressure)
        self._projector.guess_from(self.pressure)
        from fluidsim.flux import subtract_gradient
        subtract_gradient(self.acceleration, self.pressure, self.solids.open, self.options.density, self.grid)
        with timer("solids"):
            self._continue_into_solids()

    def smoke_cells(self) -> Tensor:
        """Cells with room outside of solids, (*shape) bool."""
        return self.grid.cells(self.solids.solid) == 0

    def top_speed(self, seconds: float) -> float:
        hottest = top_component(self.temperature)
        return top_component(self.velocity) + abs(self.physics.lift) * hottest * seconds

    @property
    def particle_count(self) -> int:
        return 0

    def volume_error(self) -> float:
        """0: smoke fills its box, there is no surface to lose volume at."""
        return 0.0

    def _carry(self, dt: float) -> None:
        advection = self._advection
        mid = self.velocity.clone()
        if self.dt_before > 0:
            mid += (dt / (2 * self.dt_before)) * (self.velocity - self.velocity_before)
        self.velocity_before = self.velocity.clone()
        self.dt_before = dt
        self.velocity += 0.5 * dt * self.acceleration
        advection.trace(mid, dt)
        scalars = advection.cells(self.scalars, self._spare_scalars)
        velocity = advection.faces(self.velocity, self._spare_velocity)
        self.scalars, self._spare_scalars = scalars, self.scalars
        self.velocity, self._spare_velocity = velocity, self.velocity

    def _fade(self, dt: float) -> None:
        rates = self.physics.dissipation, self.physics.cooling
        for values, rate in zip(self.scalars[:2], rates, strict=True):
            if rate != 0:
                values *= math.exp(-rate * dt)

    def _feed(self) -> None:
        for source, emitter in zip(self.sources, self._emitters, strict=True):
            if source.until is None or self.time < source.until:
                levels = (source.density, source.temperature, source.fuel)[: len(self.scalars)]
                emitter.feed(self.scalars, levels, self.velocity, self._generator)

    def _burn(self, dt: float) -> Tensor | float:
        """The divergence of the burning, 1/s; in a closed room the pressure gives way to it."""
        return self.physics.combustion.burn(self.scalars, dt, self.grid) if self.burns else 0.0

    def _push(self, dt: float) -> None:
        physics, grid = self.physics, self.grid
        self.acceleration.zero_()
        add_buoyancy(
            self.acceleration, self.density, self.temperature, physics.weight, physics.lift, 1.0, grid
        )
        if physics.vorticity > 0:
            from fluidsim.confinement import acceleration
            from fluidsim.forces import add_cell_acceleration
            force = acceleration(self.velocity, physics.vorticity, grid)
            for axis in range(grid.dim):
                add_cell_acceleration(self.acceleration, axis, force[axis], 1.0, grid)
        self.velocity += 0.5*dt*self.acceleration

    def _continue_into_solids(self) -> None:
        """Give solid cells and the faces between them the values of the smoke beside them."""
        solids, grid = self.solids, self.grid
        if solids.static is not None or solids.moving:
            if self._continuations is None or solids.moving:
                smoke = self.smoke_cells()
                kept = (solids.open > 0) | solids.walls
                self._continuations = (
                    Continuation.of(levels_of(smoke, 1, grid), SOLID_LAYERS, grid),
                    Continuation.of(levels_beside(smoke, kept, grid), SOLID_LAYERS, grid),
                )
            for values in self.scalars:
                self._continuations[0].apply(values)
            self._continuations[1].apply(self.velocity)
            self._continuations[1].apply(self.acceleration)
        self.enforce_walls(solids.open)
