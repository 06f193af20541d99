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
from fluidsim.emission import Emitter, let_in
from fluidsim.fans import Fans
from fluidsim.flux import subtract_gradient
from fluidsim.forces import Acceleration, add_buoyancy
from fluidsim.grid import Grid
from fluidsim.imposed import refuse_trapped_flow, with_open_face
from fluidsim.interface import Interface
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

    velocity: m/s, when given: that of the air in cells whose centre is in the shape, whatever the
    pressure around is, as in a fan's duct. roughness: relative random variation in space
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

    def acts(self, time: float) -> bool:
        return self.until is None or time < self.until


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
        body_force: Acceleration | None = None,
    ):
        super().__init__(grid, solids, options, cfl, timer, physics.viscosity, body_force)
        self.physics = physics
        self.sources = tuple(sources)
        self.burns = any(source.fuel > 0 for source in self.sources)
        self.scalars = grid.zeros(self.device, 3 if self.burns else 2)
        self._spare_scalars = torch.zeros_like(self.scalars)
        self._spare_velocity = torch.zeros_like(self.velocity)
        self._advection = Advection(solids, physics.advection)
        self._generator = torch.Generator().manual_seed(seed)
        self._emitters = [
            Emitter(source.shape, source.roughness, grid, self.device) for source in self.sources
        ]
        self._continuations: tuple[Continuation, Continuation] | None = None
        fans = [(s.shape, s.velocity, s.acts) for s in self.sources if s.velocity is not None]
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
            let_in(self.scalars, self.solids.boundary, dt, self.grid)
            expansion = self._burn(dt)
            self._push(dt)
        self.diffuse(self.smoke_cells(), self.solids.open, dt)
        self.project(self.smoke_cells(), self.solids.open, dt, expansion)
        with timer("solids"):
            self._continue_into_solids()

    def diffuse(
        self,
        fluid: Tensor,
        open_faces: Tensor,
        dt: float,
        held: Tensor | None = None,
        surface: Tensor | None = None,
    ) -> None:
        """As `Simulation.diffuse`, while the pressure of the last step acts: the walls then hold
        what the pressure will leave, and a steady flow is that of any step (van Kan 1986, "A
        second-order accurate pressure-correction scheme for viscous incompressible flow")."""
        if self.viscosity is None:
            return
        imposed, changing = self._fans.imposed(self.time), open_faces
        if imposed is not None:
            imposed.set(self.velocity)
            held = imposed.faces
            changing, _ = imposed.closing(open_faces, self.solids.velocity)
        if self.pressure is None:
            return super().diffuse(fluid, open_faces, dt, held, surface)
        impulse, density = self.pressure * dt, self.options.density
        subtract_gradient(self.velocity, impulse, changing, density, self.grid)
        super().diffuse(fluid, open_faces, dt, held, surface)
        subtract_gradient(self.velocity, -impulse, changing, density, self.grid)

    def project(
        self,
        fluid: Tensor,
        open_faces: Tensor,
        dt: float,
        expansion: float | Tensor = 0.0,
        interface: Interface | None = None,
        solid: Tensor | None = None,
    ) -> None:
        """As `Simulation.project`; the velocity of sources that have one is kept."""
        imposed = self._fans.imposed(self.time)
        if imposed is not None:
            imposed.set(self.velocity)
            open_faces, solid = imposed.closing(open_faces, self.solids.velocity)
            fluid = with_open_face(fluid, open_faces, self.grid)
        super().project(fluid, open_faces, dt, expansion, interface, solid)

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

    def _carry(self, dt: float) -> None:
        advection = self._advection
        advection.trace(self.velocity, dt)
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
            if source.acts(self.time):
                levels = (source.density, source.temperature, source.fuel)[: len(self.scalars)]
                emitter.feed(self.scalars, levels, self._generator)

    def _burn(self, dt: float) -> Tensor | float:
        """The divergence of the burning, 1/s; in a closed room the pressure gives way to it."""
        return self.physics.combustion.burn(self.scalars, dt, self.grid) if self.burns else 0.0

    def _push(self, dt: float) -> None:
        physics, grid = self.physics, self.grid
        add_buoyancy(
            self.velocity, self.density, self.temperature, physics.weight, physics.lift, dt, grid
        )
        if self.body_force is not None:
            self.body_force.add(self.velocity, self.time, dt)
        if physics.vorticity > 0:
            add_vorticity_confinement(self.velocity, physics.vorticity, dt, grid)

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
        self.enforce_walls(solids.open)
