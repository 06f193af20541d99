"""Small simulations for the tests."""

from __future__ import annotations

import torch

from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.pressure import PressureOptions
from fluidsim.flow.simulation import Setup
from fluidsim.grid.grid import Grid
from fluidsim.liquid.classification import cell_kinds
from fluidsim.liquid.inflows import SourcesAndSinks
from fluidsim.liquid.levelset import LevelSet
from fluidsim.liquid.liquid import Liquid
from fluidsim.liquid.options import LiquidOptions
from fluidsim.liquid.particles import Particles
from fluidsim.liquid.seeding import seed
from fluidsim.liquid.volume import liquid_volume
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.smoke.smoke import Smoke
from fluidsim.solid.shapes import Shape, Sphere, Vector
from fluidsim.solid.solids import Solids
from fluidsim.timing import StageTimer
from solvers import registry

CPU = torch.device("cpu")


def cubic(dim: int, n: int) -> Grid:
    return Grid((n,) * dim, 1 / n)


def oblong(dim: int) -> Grid:
    """Odd sizes, different on each axis."""
    return Grid((11, 14, 9)[:dim], 0.1)


def filled(fluid: torch.Tensor, solids: Solids, surface: torch.Tensor | None = None) -> FlowDomain:
    """Fluid in the cells (*shape) bool, bounded by nothing but the solids."""
    return FlowDomain(fluid, solids.open, solids.velocity, surface=surface)


def particles_in(grid: Grid, shape: Shape, affine=False) -> Particles:
    solids = Solids(grid, [], [], CPU)
    positions = seed(shape, solids, grid, torch.Generator().manual_seed(0))
    return Particles(positions, torch.zeros(grid.dim), grid, CPU, affine)


def liquid(
    grid: Grid, shape: Shape, solids=(), open_sides=(), gravity: float | Vector = 9.81,
    flip=0.99, rtol=1e-8, solver="cg", velocity=None, cfl=3.0, surface_tension=0.0,
    viscosity=0.0, inflows=(), outflows=(), walls=None, body_force=None, narrow_band=0,
) -> Liquid:  # fmt: skip
    world = Solids(grid, solids, open_sides, CPU, walls)
    positions = seed(shape, world, grid, torch.Generator().manual_seed(0))
    options = PressureOptions(registry.create(solver, {}), rtol, 1000.0)
    start = torch.zeros(grid.dim) if velocity is None else torch.tensor(velocity)
    surface = LevelSet.of(shape, grid, CPU)
    sources = SourcesAndSinks(grid, world, inflows, outflows, 0) if inflows or outflows else None
    setup = Setup(grid, world, options, StageTimer(CPU), cfl, body_force=body_force)
    physics = LiquidOptions(gravity, flip, viscosity, surface_tension, narrow_band)
    return Liquid(setup, physics, positions, start, surface, sources)


def smoke(
    grid: Grid, sources=(), solids=(), open_sides=(), physics=None, rtol=1e-8, cfl=2.0,
    solver="cg", walls=None, inlets=(), body_force=None, history=None,
) -> Smoke:  # fmt: skip
    world = Solids(grid, solids, open_sides, CPU, walls, inlets)
    options = PressureOptions(registry.create(solver, {}), rtol, 1.2, history)
    physics = physics or SmokeOptions()
    setup = Setup(grid, world, options, StageTimer(CPU), cfl, body_force=body_force)
    return Smoke(setup, sources, physics)


def source(shape: Shape) -> Source:
    return Source(shape, temperature=150.0, roughness=0.1)


def volume_of(tank: Liquid) -> float:
    """Of its liquid, m^dim."""
    return liquid_volume(tank.surface.distance, tank.particles, tank.solids, tank.grid)


def kinds_of(tank: Liquid) -> torch.Tensor:
    """CellType of its cells, (*nodes)."""
    return cell_kinds(tank.fluid_cells(), tank.particles.held, tank.solids, tank.grid)


def ragged(dim: int, steps: int = 3) -> Liquid:
    """A drop that bursts on a ball, with gaps, crowds and sheets: hard for what works on cells."""
    grid = oblong(dim)
    centre = tuple(side / 2 for side in grid.extent)
    ball = Sphere((*centre[:-1], 0.2), 0.15)
    tank = liquid(grid, Sphere((*centre[:-1], 0.6 * grid.extent[-1]), 0.28), [ball])
    generator = torch.Generator().manual_seed(1)
    kicks = 6 * torch.randn(tank.particles.velocities.shape, generator=generator)
    tank.particles.velocities.add_(kicks)
    for _ in range(steps):
        tank.step(0.01)
    return tank
