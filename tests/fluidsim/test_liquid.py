"""Liquids against what is known of them."""

import math

import pytest
import torch

from fluidsim.errors import SimulationError
from fluidsim.liquid.beyond import SURFACE_LAYERS
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, Cylinder, HalfSpace, Sphere
from tests.fluidsim.worlds import CPU, cubic, liquid

DIMS = pytest.mark.parametrize("dim", [2, 3])


@DIMS
@pytest.mark.parametrize("part", [0.2, 0.7])
def test_a_tank_at_rest_stays_at_rest(dim, part):
    """Filled up to a part of a cell."""
    grid = cubic(dim, 16 if dim == 3 else 32)
    level = 0.5 + part * grid.dx
    tank = liquid(grid, HalfSpace(level), rtol=1e-8)
    for _ in range(50 if dim == 2 else 25):
        tank.step(0.01)
    assert float(tank.particles.velocities.abs().max()) < 1e-5
    assert tank.volume_error() == 0.0
    assert pressure_error(tank, level) < 1e-6


def pressure_error(tank, level):
    """Over the pressure at the bottom, against that of water at rest up to `level`, m."""
    fluid = tank.fluid_cells()
    height = tank.grid.cells(tank.grid.cell_positions(CPU)[..., -1])[fluid]
    expected = 1000 * 9.81 * (level - height).double()
    assert tank.pressure is not None
    return float((tank.pressure[fluid] - expected).abs().max() / expected.max())


SLOPES = [
    (2, 30),
    (3, -55),
    *(pytest.param(*s, marks=pytest.mark.slow) for s in [(2, -55), (3, 30)]),
]


@pytest.mark.parametrize(("dim", "degrees"), SLOPES)
def test_water_above_a_sloped_floor_stays_at_rest(dim, degrees):
    """Walls of stairs would stir it: they see another depth than the slope has."""
    grid = cubic(dim, 32 if dim == 2 else 16)
    wedge = Box((-5.0,) * dim, (5.0,) * (dim - 1) + (0.27,))
    slope = wedge.rotated(math.radians(degrees), (0.5,) * dim, (0.0, 1.0, 0.0))
    tank = liquid(grid, HalfSpace(0.5), [slope], rtol=1e-10)
    assert (tank.solids.cut == 2).any()
    for _ in range(100):
        tank.advance(0.05)
    assert tank.time == pytest.approx(5.0)
    assert float(tank.particles.velocities.abs().max()) < 1e-4
    assert abs(tank.volume_error()) < 1e-3


@DIMS
def test_free_fall(dim):
    grid = cubic(dim, 32)
    centre = (0.5,) * (dim - 1) + (0.75,)
    drop = liquid(grid, Sphere(centre, 0.12))
    start = drop.particles.positions[:, -1].mean() * grid.dx
    steps = [0.008, 0.012, 0.012] * 6
    for dt in steps:
        drop.step(dt)
    time = sum(steps)
    fallen = float(start - drop.particles.positions[:, -1].mean() * grid.dx)
    assert fallen == pytest.approx(9.81 * time**2 / 2, rel=1e-5)
    # a leapfrog: velocities are of the middle of the last step
    speed = drop.particles.velocities[:, -1]
    expected = torch.full_like(speed, -9.81 * (time - steps[-1] / 2))
    torch.testing.assert_close(speed, expected, rtol=1e-5, atol=0)


@DIMS
def test_a_block_moving_with_the_grid_keeps_its_momentum(dim):
    grid = cubic(dim, 24)
    velocity = (0.4, -0.2, 0.3)[:dim]
    box = Box((0.4,) * dim, (0.6,) * dim)
    block = liquid(grid, box, gravity=0.0, velocity=velocity, flip=0.0)
    for _ in range(10):
        block.step(0.01)
    mean = block.particles.velocities.double().mean(0)
    torch.testing.assert_close(mean, torch.tensor(velocity).double(), rtol=1e-5, atol=1e-6)


@DIMS
@pytest.mark.parametrize("cells", [0.9, 2.9])
def test_the_distance_stays_one_beyond_a_surface_that_moves(dim, cells):
    """For that the velocity is continued as far as the liquid moves in a step, and farther."""
    grid = cubic(dim, 16)
    front = 4 * grid.dx
    block = Box((-1.0,) * dim, (front,) + (2.0,) * (dim - 1))
    wind = (1.0,) + (0.0,) * (dim - 1)
    tank = liquid(grid, block, open_sides=["x-"], gravity=0.0, velocity=wind)
    tank.step(cells * grid.dx)
    right = grid.cells(grid.cell_positions(CPU)[..., 0])
    expected = (right - front) / grid.dx - cells
    beyond = (expected > 0) & (expected < SURFACE_LAYERS + 0.7)
    assert int(beyond.sum()) == 4 * 16 ** (dim - 1)
    distance = grid.cells(tank.surface.distance)
    torch.testing.assert_close(distance[beyond], expected[beyond], rtol=0, atol=1e-4)


@DIMS
def test_water_at_rest_needs_hardly_any_iterations_after_its_first_step(dim):
    """However long the steps are: a solve starts from the last pressure, times its own dt."""
    tank = liquid(cubic(dim, 16 if dim == 2 else 12), HalfSpace(0.53), rtol=1e-5)
    tank.step(0.01)
    first = tank.report.iterations
    assert first > 5
    for dt in (0.01, 0.004, 0.016):
        tank.step(dt)
    assert tank.report.iterations < 1.25 * first


@DIMS
def test_a_gap_between_the_particles_does_not_stop_the_flow(dim):
    """Faces in the liquid that no particle reaches flow as those around them."""
    grid = cubic(dim, 12)
    wind = (1.0, 0.5, -0.3)[:dim]
    block = liquid(grid, Box((0.2,) * dim, (0.8,) * dim), gravity=0.0, velocity=wind)
    particles = block.particles
    none = particles.positions[:0]
    particles.exchange(((particles.positions - 6).abs() < 1.5).all(1), none, none)
    block.step(0.5 * grid.dx)
    expected = torch.tensor(wind).expand_as(particles.velocities)
    torch.testing.assert_close(particles.velocities, expected, rtol=0, atol=1e-5)


def spinning_blob(dim, flip):
    """A ball of liquid in free space that turns around the last axis, or in the plane."""
    grid = cubic(dim, 32 if dim == 2 else 20)
    blob = liquid(grid, Sphere((0.5,) * dim, 0.25), gravity=0.0, flip=flip)
    arm = blob.particles.positions * grid.dx - 0.5
    blob.particles.velocities[:, 0] = -2.0 * arm[:, 1]
    blob.particles.velocities[:, 1] = 2.0 * arm[:, 0]
    if flip is None:
        blob.particles.slopes[:, 0, 1] = -2.0 * grid.dx
        blob.particles.slopes[:, 1, 0] = 2.0 * grid.dx
    return blob


def spin(blob):
    arm = (blob.particles.positions * blob.grid.dx - 0.5).double()
    v = blob.particles.velocities.double()
    return float((arm[:, 0] * v[:, 1] - arm[:, 1] * v[:, 0]).sum())


@DIMS
def test_apic_keeps_the_angular_momentum_that_pic_loses(dim):
    kept = {}
    for name, flip in (("apic", None), ("pic", 0.0), ("flip", 1.0)):
        blob = spinning_blob(dim, flip)
        before = spin(blob)
        for _ in range(20):
            blob.step(0.02)
        kept[name] = spin(blob) / before
    assert kept["apic"] == pytest.approx(1.0, abs=0.06)  # the rest is the coarse grid's
    assert kept["flip"] == pytest.approx(kept["apic"], abs=0.01)
    assert kept["pic"] < 0.9


@pytest.mark.slow
def test_volume_of_a_dam_break_is_kept_within_three_percent():
    grid = cubic(2, 64)
    dam = liquid(
        grid,
        Box((0.0, 0.0), (0.4, 0.7)),
        [Cylinder((0.7, 0.0), 0.05, 0.15)],
        rtol=1e-6,
        solver="multigrid",
    )
    worst = 0.0
    for _ in range(180):
        dam.advance(1 / 60)
        worst = max(worst, abs(dam.volume_error()))
    assert dam.time == pytest.approx(3.0)
    assert worst < 0.03
    wet = int(dam.fluid_cells().sum()) * grid.dx**2
    assert wet == pytest.approx(0.4 * 0.7, rel=0.06)


@DIMS
def test_solvers_agree_on_a_run(dim):
    ends = {}
    for solver in ("cg", "amg", "direct"):
        grid = cubic(dim, 16)
        tank = liquid(grid, Box((0.0,) * dim, (0.5,) * dim), solver=solver, rtol=1e-10)
        for _ in range(3):
            tank.advance(1 / 60)
        ends[solver] = tank.particles.positions.mean(0)
    torch.testing.assert_close(ends["amg"], ends["cg"], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ends["direct"], ends["cg"], rtol=1e-4, atol=1e-4)


@DIMS
def test_a_moving_solid_pushes_the_water(dim):
    grid = cubic(dim, 24)
    lower, upper = (0.1, 0.0, 0.0)[-dim:], (0.25, 1.0, 0.6)[-dim:]
    if dim == 2:
        lower, upper = (0.1, 0.0), (0.25, 0.6)
    piston = Moving(Box(lower, upper), lower, (0.5, 0.0, 0.0)[:dim])
    tank = liquid(grid, HalfSpace(0.3) - Box((-1.0,) * dim, (0.25, 2.0, 2.0)[:dim]), [piston])
    before = float(tank.particles.positions[:, 0].mean())
    for _ in range(12):
        tank.advance(1 / 60)
    after = float(tank.particles.positions[:, 0].mean())
    assert after > before + 0.5
    assert tank.solids.time == tank.time
    depth = piston.distance(tank.particles.positions * grid.dx, tank.time) / grid.dx
    assert float(depth.min()) > -0.6  # voxelised: a particle may wait a step in the front cell


@DIMS
def test_open_sides_let_water_out_and_count_it(dim):
    grid = cubic(dim, 16)
    flood = liquid(grid, HalfSpace(0.4), open_sides=["x+"])
    before = flood.particles.count
    left = added = removed = 0
    for _ in range(20):
        report = flood.advance(1 / 60)
        left += report.particles_left
        added += report.particles_added
        removed += report.particles_removed
    assert left > 0
    assert flood.particles.count == before + added - removed - left
    assert abs(flood.volume_error()) < 0.1


@DIMS
def test_no_liquid_at_all_is_no_error(dim):
    empty = liquid(cubic(dim, 8), Sphere((5.0,) * dim, 0.1))
    report = empty.advance(1 / 60)
    assert (report.unknowns, empty.particles.count, empty.volume_error()) == (0, 0, 0.0)


def test_substeps_follow_the_speed():
    grid = cubic(2, 32)
    slow = liquid(grid, Sphere((0.5, 0.5), 0.1), gravity=0.0, velocity=(0.1, 0.0))
    fast = liquid(grid, Sphere((0.3, 0.5), 0.1), gravity=0.0, velocity=(20.0, 0.0))
    assert slow.advance(1 / 60).substeps == 1
    assert fast.advance(1 / 60).substeps >= 20 / 60 * 32 / 3
    assert liquid(grid, Sphere((0.5, 0.5), 0.1)).top_speed(0.1) == pytest.approx(0.981)


def test_substeps_follow_the_shortest_waves():
    """Also where nothing moves."""
    grid = cubic(2, 16)
    seconds = 0.2
    substeps = liquid(grid, HalfSpace(0.5)).advance(seconds).substeps
    assert 0.5 < seconds / substeps / math.sqrt(grid.dx / 9.81) < 0.7
    assert liquid(grid, HalfSpace(0.5), gravity=0.0).advance(seconds).substeps == 1


def test_not_a_number_is_said_at_once():
    tank = liquid(cubic(2, 16), HalfSpace(0.5))
    tank.particles.velocities[3, 0] = float("nan")
    with pytest.raises(SimulationError, match="not finite"):
        tank.advance(1 / 60)


def test_exploding_speeds_are_said_at_once():
    tank = liquid(cubic(2, 16), HalfSpace(0.5))
    tank.particles.velocities[:] = 1e9
    with pytest.raises(SimulationError, match="exploded"):
        tank.advance(1 / 60)
