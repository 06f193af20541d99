"""How much liquid there is, where it is, and where air must not be."""

import math

import pytest
import torch

from fluidsim.grid.cells import CellType
from fluidsim.liquid.impact import ALLOWED, BUDGET, Impacts, pressed, pressed_as_defined
from fluidsim.liquid.particles import SEEDED
from fluidsim.liquid.volume import VOLUME_RELAXATION, filled_as_defined, holes
from fluidsim.solid.shapes import Box, Capsule, HalfSpace, Sphere, Torus
from tests.fluidsim.worlds import CPU, cubic, liquid, oblong, ragged, volume_of

DIMS = pytest.mark.parametrize("dim", [2, 3])


@DIMS
@pytest.mark.parametrize("part", [0.0, 0.3, 0.5, 0.8])
def test_volume_below_a_level_is_exact_wherever_it_lies_between_the_cells(dim, part):
    grid = cubic(dim, 12)
    level = 0.5 + part * grid.dx
    assert volume_of(liquid(grid, HalfSpace(level))) == pytest.approx(level, rel=1e-3)


@DIMS
def test_volume_of_a_ball(dim):
    drop = liquid(cubic(dim, 24), Sphere((0.51, 0.48, 0.5)[:dim], 0.3))
    exact = math.pi * 0.3**2 if dim == 2 else 4 / 3 * math.pi * 0.3**3
    assert volume_of(drop) == pytest.approx(exact, rel=0.01)


@DIMS
def test_volume_around_a_solid_is_that_of_the_open_parts(dim):
    grid = cubic(dim, 24)
    tank = liquid(grid, HalfSpace(0.8), [Sphere((0.5,) * dim, 0.2)])
    ball = math.pi * 0.2**2 if dim == 2 else 4 / 3 * math.pi * 0.2**3
    assert volume_of(tank) == pytest.approx(0.8 - ball, rel=0.01)


@DIMS
def test_the_kernel_measures_the_volume_as_it_is_defined(dim):
    tank = ragged(dim)
    held = tank.particles.held / SEEDED[dim]
    distance = tank.grid.cells(tank.surface.distance)
    cells = float(filled_as_defined(distance, held, tank.solids))
    assert volume_of(tank) == pytest.approx(cells * tank.grid.dx**dim, rel=1e-6)


@DIMS
@pytest.mark.parametrize("part", [0.99, 1.01])
def test_an_error_of_the_volume_relaxes_at_its_rate(dim, part):
    """What is missing comes back, and what is too much goes, by a third in a frame of a third of
    the relaxation time."""
    tank = liquid(cubic(dim, 16 if dim == 2 else 12), HalfSpace(0.53), rtol=1e-6)
    tank.first_volume *= part
    start = tank.volume_error()
    assert abs(start) > 0.009
    for _ in range(3):
        tank.advance(VOLUME_RELAXATION / 3)
    assert tank.volume_error() / start == pytest.approx((2 / 3) ** 3, rel=0.2)


@DIMS
def test_the_surface_is_held_within_a_cell_of_the_particles(dim):
    tank = liquid(cubic(dim, 12), HalfSpace(0.5))
    tank.grid.cells(tank.surface.distance).sub_(2.0)
    tank.step(1e-6)
    highest = tank.grid.cells(tank.surface.distance)[(6,) * (dim - 1) + (5,)]
    assert -1.5 <= float(highest) <= -0.5  # a level surface is at -0.5


@DIMS
def test_small_pockets_are_holes_and_bubbles_are_not(dim):
    grid = oblong(dim)
    cells = grid.zeros(CPU, dtype=torch.int8).fill_(int(CellType.FLUID))
    kinds = grid.cells(cells)
    kinds[..., 6:] = int(CellType.AIR)
    assert holes(cells, grid) == 0
    kinds[(2,) * dim] = int(CellType.AIR)
    kinds[(2,) * (dim - 1) + (3,)] = int(CellType.AIR)
    assert holes(cells, grid) == 2
    kinds[(*tuple(slice(6, 8) for _ in range(dim - 1)), slice(1, 3))] = int(CellType.AIR)
    assert holes(cells, grid) == 2  # 2^dim cells are a bubble
    kinds[(2,) * (dim - 1) + (slice(2, 7),)] = int(CellType.AIR)
    assert holes(cells, grid) == 0  # open to the air above


def solids_under_water(dim):
    if dim == 2:
        return {
            "disc": Sphere((0.5, 0.25), 0.15),
            "capsule": Capsule((0.3, 0.2), (0.7, 0.2), 0.1),
            "ring": Sphere((0.5, 0.25), 0.2) - Sphere((0.5, 0.25), 0.08),
            "box": Box((0.4, 0.15), (0.6, 0.35)).rotated(0.4, (0.5, 0.25)),
        }
    return {
        "ball": Sphere((0.5, 0.5, 0.25), 0.15),
        "capsule": Capsule((0.3, 0.5, 0.25), (0.7, 0.5, 0.25), 0.1),
        "torus": Torus((0.5, 0.5, 0.25), 0.2, 0.08),
        "box": Box((0.4, 0.4, 0.15), (0.6, 0.6, 0.35)).rotated(0.4, (0.5, 0.5, 0.25), (0, 1, 0)),
    }


@pytest.mark.parametrize(("dim", "name"), [(d, n) for d in (2, 3) for n in solids_under_water(d)])
def test_still_water_around_a_solid_has_no_hole_and_stays_still(dim, name):
    grid = cubic(dim, 48 if dim == 2 else 24)
    tank = liquid(grid, HalfSpace(0.5), [solids_under_water(dim)[name]], rtol=1e-6)
    for _ in range(3):
        assert tank.holes() == 0
        tank.advance(1 / 60)
    assert float(tank.particles.velocities.abs().max()) < 1e-4


def test_the_water_lifts_a_ball_by_the_weight_of_what_it_displaces():
    tank = liquid(cubic(2, 64), HalfSpace(0.5), [Sphere((0.5, 0.25), 0.15)])
    tank.advance(1 / 60)
    lift = float(tank.force_on_solids()[-1])
    assert lift == pytest.approx(1000 * 9.81 * math.pi * 0.15**2, rel=0.01)


@DIMS
def test_a_fast_block_before_a_wall_is_stopped_in_small_steps(dim):
    """It would go 3 cells far into the wall, where no pressure has acted on it yet."""
    grid = cubic(dim, 24)
    block = Box((0.3,) * (dim - 1) + (0.125,), (0.7,) * (dim - 1) + (0.5,))
    drop = liquid(grid, block, gravity=0.0, velocity=(0.0,) * (dim - 1) + (-3.0,))
    count, before = drop.particles.count, volume_of(drop)
    substeps = []
    for _ in range(4):
        report = drop.advance(3.0 / 24 / 3.0)
        substeps.append(report.substeps)
        assert report.particles_removed < 0.01 * count
    assert substeps[0] == 1 and max(substeps) >= 3
    assert volume_of(drop) == pytest.approx(before, rel=0.04)


def test_a_frame_has_a_budget_of_what_it_presses():
    """Each step presses as much as is allowed, which is less and less."""
    impacts, pressed_in = Impacts(), (lambda count: 20.0 / count)
    counts = [impacts.steps(2, 1e3, 1000.0, pressed_in) for _ in range(6)]
    assert counts[0] == math.ceil(20.0 / (ALLOWED * 1000.0)) and counts == sorted(counts)
    assert counts[-1] > 2 * counts[0] and impacts.spent < BUDGET
    assert Impacts().steps(2, 4, 1000.0, pressed_in) == 4
    assert Impacts().steps(3, 1e3, 1000.0, lambda count: 0.0) == 3


@DIMS
def test_the_kernel_finds_what_is_pressed_as_it_is_defined(dim):
    tank = ragged(dim)
    state = tank.velocity, tank.surface.distance, tank.fluid_cells(), tank.solids, 0.05, tank.grid
    volume = pressed_as_defined(*state)
    assert volume > 1
    assert pressed(*state) == pytest.approx(volume, rel=1e-5)


@DIMS
def test_only_what_meets_a_wall_is_pressed(dim):
    grid = cubic(dim, 16)
    drop = liquid(grid, Box((0.25,) * dim, (0.5,) * dim), gravity=0.0)
    distance = drop.surface.distance
    fluid, rest = drop.fluid_cells(), grid.zeros(CPU, dim)
    assert pressed(rest, distance, fluid, drop.solids, 1.0, grid) == 0.0
    falling = grid.zeros(CPU, dim)
    falling[grid.up].fill_(-1.0)
    drop.solids.stop_at_walls(falling, drop.solids.open)
    for cells, meets in ((2, False), (6, True)):  # four cells lie between it and the floor
        dt = cells * grid.dx
        assert (pressed(falling, distance, fluid, drop.solids, dt, grid) > 0) == meets
