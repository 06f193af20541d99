"""What a scene script returns, and how it becomes a simulation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

import torch

from fluidsim import taichi_runtime
from fluidsim.bodies.body import Body
from fluidsim.bodies.rigid_body import RigidBody
from fluidsim.flow.accelerations import Acceleration, gravity_vector
from fluidsim.flow.pressure import PressureOptions
from fluidsim.flow.simulation import Setup, Simulation
from fluidsim.grid.grid import Grid
from fluidsim.liquid.inflows import Inflow, Outflow, SourcesAndSinks
from fluidsim.liquid.levelset import LevelSet
from fluidsim.liquid.liquid import Liquid
from fluidsim.liquid.options import LiquidOptions
from fluidsim.liquid.seeding import seed
from fluidsim.liquid.window import first_window
from fluidsim.scene.checks import check_scene
from fluidsim.scene.config import RunConfig, check_particles
from fluidsim.scene.probes import Probe
from fluidsim.scene.view import View
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.smoke.smoke import Smoke
from fluidsim.solid.boundary import Inlet, Wall, periodic_axes, refuse_drag_without
from fluidsim.solid.movement import Movement
from fluidsim.solid.shapes import Shape, Vector
from fluidsim.solid.solids import Solids
from fluidsim.solid.values import settle
from fluidsim.timing import StageTimer
from solvers import Solver, registry, runtime
from solvers.runtime import Runtime

LISTS = ("solids", "open_sides", "periodic", "inflows", "outflows", "sources", "inlets")
Started = TypeVar("Started", bound=Simulation)


@dataclass(frozen=True, kw_only=True)
class Scene(ABC, Generic[Started]):
    """What the scenes of liquids and of smoke share: see `LiquidScene` and `SmokeScene`."""

    kind: ClassVar[str]
    recorded: ClassVar[tuple[str, ...]] = ()  # numbers that may be tensors with a gradient
    size: tuple[float, ...]
    solids: Sequence[Shape | Movement | RigidBody] = ()
    open_sides: Sequence[str] = ()
    periodic: Sequence[str] = ()
    walls: Mapping[str, Wall] = field(default_factory=dict)
    body_force: Acceleration | None = None
    density: float
    cfl: float
    frame_seconds: float
    view: View = field(default_factory=View)
    probes: Mapping[str, Probe] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settle(self, LISTS, self.recorded)
        check_scene(self, self._inlets())

    def start(
        self,
        resolution: int = 64,
        *,
        solver: str | Solver = "multigrid",
        rtol: float = 1e-6,
        seed: int = 0,
        device: str = "cpu",
        threads: int | None = None,
    ) -> Started:
        """Start a simulation of the scene from Python, without the command line.

        Parameters
        ----------
        resolution : int
            Cells along the longest side.
        solver : str or Solver
            A name in `solvers.available()`, or a solver object.
        rtol : float
            Relative residual of the pressure solves.
        seed : int
            Of all random numbers.
        device : {"cpu", "cuda"}
        threads : int, optional
            CPU threads; all if None.

        Returns
        -------
        Liquid or Smoke
            At time 0; `advance(seconds)` takes it forward, `fields()` shows what it holds.

        Raises
        ------
        ValueError
            If the scene is impossible or the solver unknown.
        """
        machine = runtime.configure(threads, device)
        taichi_runtime.start(machine)
        chosen = registry.create(solver, {}) if isinstance(solver, str) else solver
        config = RunConfig(
            scene=type(self).__name__, dim=len(self.size), resolution=resolution,
            solver=chosen.name, rtol=rtol, seed=seed, device=device, threads=threads,
        )  # fmt: skip
        return self._begin(self._setup(config, chosen, StageTimer(machine.device)), config)

    def simulate(self, config: RunConfig, machine: Runtime, timer: StageTimer) -> Started:
        """The simulation at time 0 as the flags of a run ask for it; Taichi must be started."""
        return self._begin(self._setup(config, registry.create(config.solver, {}), timer), config)

    @abstractmethod
    def _begin(self, setup: Setup, config: RunConfig) -> Started:
        """The simulation at time 0."""

    def grid(self, config: RunConfig) -> Grid:
        """The grid of a run. Raises ValueError if the scene has another dimension than the run."""
        if len(self.size) != config.dim:
            raise ValueError(f"the scene's size {self.size} is not of dimension {config.dim}")
        return Grid.covering(self.size, config.resolution, periodic_axes(self.periodic, config.dim))

    def _setup(self, config: RunConfig, solver: Solver, timer: StageTimer) -> Setup:
        grid = self.first_window(self.grid(config))
        solids = [Body(s, grid.whole) if isinstance(s, RigidBody) else s for s in self.solids]
        world = Solids(grid, solids, self.open_sides, timer.device, self.walls, self._inlets())
        options = PressureOptions(solver, config.rtol, self.density, config.history)
        return Setup(grid, world, options, timer, self.cfl, config.seed, self.body_force)

    def _inlets(self) -> Sequence[Inlet]:
        return ()

    def first_window(self, grid: Grid) -> Grid:
        """The part of the domain's grid that the fields cover at time 0."""
        return grid


@dataclass(frozen=True, kw_only=True)
class LiquidScene(Scene[Liquid]):
    """A scene with a liquid that starts in `liquid` with one velocity.

    Parameters
    ----------
    size : tuple of float
        Sides of the domain, m; two of them in 2D. Up is the last axis.
    liquid : Shape
        The region that the liquid fills at time 0.
    velocity : tuple of float, optional
        Of the liquid at time 0, m/s; by default at rest.
    gravity : float or tuple of float
        Downwards, or a vector, m/s^2.
    viscosity : float
        Dynamic viscosity, Pa s (water 1e-3, honey 10). With 0 the liquid slips along walls.
    surface_tension : float
        N/m (water in air: 0.072).
    inflows, outflows : sequence of Inflow, sequence of Outflow
        Where liquid is poured in, and where it is taken away.
    transfer : {"flip", "apic"}
        From grid to particles: "flip" blends FLIP and PIC, "apic" keeps slopes of the velocity.
    flip : float
        Share of FLIP in the blend, 0 to 1.
    narrow_band : int
        Particles only so many cells from the surface, the inside on the grid; 0: everywhere.
    solids : sequence of Shape, Movement or RigidBody
        Solids at rest, solids that move (`Moving`, `Keyframed`, `AnimatedMesh`), and bodies that
        the liquid moves.
    open_sides : sequence of str
        Sides without a wall, out of "x-", "x+", "y-", "y+", "z-", "z+".
    periodic : sequence of str
        Must be empty: only smoke can be periodic.
    walls : mapping of str to Wall
        What closed sides are like, by their names. A side that is not named is at rest and sticks
        to a viscous liquid.
    body_force : callable, optional
        Acceleration of the liquid, m/s^2: a function of points (..., dim), m, and time, s, that
        returns (..., dim).
    density : float
        kg/m^3.
    cfl : float
        Cells that anything may move in a substep.
    frame_seconds : float
        Time between frames, s.
    view : View
        How the scene is pictured where no flag says otherwise.
    probes : mapping of str to PressureProbe or HeightProbe
        Gauges by name, which a run reads after each substep.

    Raises
    ------
    ValueError
        If a value is out of its range, a name unknown, or a probe outside of the domain.
    """

    kind: ClassVar[str] = "liquid"
    recorded = ("gravity", "viscosity", "surface_tension")
    liquid: Shape
    velocity: tuple[float, ...] | None = None
    gravity: float | Vector = 9.81
    viscosity: float = 0.0
    inflows: Sequence[Inflow] = ()
    outflows: Sequence[Outflow] = ()
    transfer: str = "flip"
    flip: float = 0.99
    narrow_band: int = 0
    surface_tension: float = 0.0
    density: float = 1000.0
    cfl: float = 3.0
    frame_seconds: float = 1 / 60

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.periodic:
            raise ValueError("a liquid cannot be periodic yet: only smoke can")
        refuse_drag_without(self.viscosity, self.walls)
        gravity_vector(self.gravity, len(self.size))
        for name in ("viscosity", "surface_tension"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, it is {getattr(self, name)}")
        check_particles(self.transfer, self.flip, self.narrow_band)

    def first_window(self, grid: Grid) -> Grid:
        return first_window((self.liquid, *(each.shape for each in self.inflows)), grid, self.cfl)

    def _begin(self, setup: Setup, config: RunConfig) -> Liquid:
        grid, solids = setup.grid, setup.solids
        positions = seed(self.liquid, solids, grid, torch.Generator().manual_seed(config.seed))
        velocity = torch.tensor(self.velocity or (0.0,) * grid.dim)
        flows = self.inflows, self.outflows
        sources = SourcesAndSinks(grid, solids, *flows, config.seed) if any(flows) else None
        flip = None if (config.transfer or self.transfer) == "apic" else self.flip
        surface = LevelSet.of(self.liquid, grid, solids.device)
        band = self.narrow_band if config.narrow_band is None else config.narrow_band
        physics = LiquidOptions(self.gravity, flip, self.viscosity, self.surface_tension, band)
        return Liquid(setup, physics, positions, velocity, surface, sources)


@dataclass(frozen=True, kw_only=True)
class SmokeScene(Scene[Smoke]):
    """A scene with smoke that rises from its sources or enters by its inlets.

    Parameters
    ----------
    size : tuple of float
        Sides of the domain, m; two of them in 2D. Up is the last axis.
    sources : sequence of Source
        Where smoke, heat, fuel and wind come from.
    inlets : sequence of Inlet
        Sides, or parts of them, through which air enters.
    physics : SmokeOptions
        Buoyancy, vorticity confinement, fading, viscosity, combustion.
    solids : sequence of Shape or Movement
        Solids at rest, or solids that move (`Moving`, `Keyframed`, `AnimatedMesh`).
    open_sides : sequence of str
        Sides without a wall, out of "x-", "x+", "y-", "y+", "z-", "z+", with air at rest outside.
    periodic : sequence of str
        Axes, out of "x", "y", "z", along which the domain continues at its beginning. They have no
        sides; solids and sources recur with each period. No pressure balances a mean force along
        such an axis.
    walls : mapping of str to Wall
        What closed sides are like, by their names. A side that is not named is at rest and sticks
        to viscous smoke.
    body_force : callable, optional
        Acceleration of the air, m/s^2: a function of points (..., dim), m, and time, s, that
        returns (..., dim).
    density : float
        Of the air, kg/m^3.
    cfl : float
        Cells that anything may move in a substep.
    frame_seconds : float
        Time between frames, s.
    view : View
        How the scene is pictured where no flag says otherwise.
    probes : mapping of str to PressureProbe
        Gauges by name, which a run reads after each substep.

    Raises
    ------
    ValueError
        If a value is out of its range, a name unknown, or a probe outside of the domain.
    """

    kind: ClassVar[str] = "smoke"
    sources: Sequence[Source] = ()
    inlets: Sequence[Inlet] = ()
    physics: SmokeOptions = field(default_factory=SmokeOptions)
    density: float = 1.2
    cfl: float = 2.0
    frame_seconds: float = 1 / 40

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_drag_without(self.physics.viscosity, self.walls)

    def _begin(self, setup: Setup, config: RunConfig) -> Smoke:
        return Smoke(setup, self.sources, self.physics)

    def _inlets(self) -> Sequence[Inlet]:
        return self.inlets
