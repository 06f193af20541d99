"""The narrow band: particles near the surface, the inside of the liquid on the grid."""

import dataclasses
import math

import pytest
import torch

from fluidsim import Inflow, LiquidScene, Outflow
from fluidsim.liquid.band import Band, shrunk
from fluidsim.render.frame import LiquidFrame
from fluidsim.runs.snapshot import frame_of
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, HalfSpace, Sphere
from fluidsim.solid.solids import Solids
from tests.fluidsim.worlds import CPU, cubic, liquid

DIMS = pytest.mark.parametrize("dim", [2, 3])
CELLS = {2: 32, 3: 24}
FRAME = 1 / 60


def started(dim, shape, **told):
    """A liquid in a unit box, with a band of 3 cells unless told otherwise."""
    told = {"narrow_band": 3, "solver": "multigrid", **told}
    return liquid(cubic(dim, CELLS[dim]), shape, **told)


def deep(tank):
    return tank.grid.cells(tank.particles.band.deep) > 0


def speeds(tank):
    """The velocity at the centres of the cells of the liquid, (dim, n)."""
    return tank.grid.centred(tank.velocity)[:, tank.fluid_cells()]


@DIMS
def test_water_at_rest_stays_at_rest(dim):
    tank = started(dim, HalfSpace(0.5))
    full = started(dim, HalfSpace(0.5), narrow_band=0)
    assert tank.particles.count < 0.5 * full.particles.count
    assert tank.particle_count == full.particle_count
    before = tank.particles.positions.clone()
    for _ in range(5):
        report = tank.advance(FRAME)
    assert float(speeds(tank).abs().max()) < 1e-6
    assert (report.particles_added, report.particles_removed, report.particles_left) == (0, 0, 0)
    assert float((tank.particles.positions - before).abs().max()) < 1e-5
    assert abs(tank.volume_error()) < 1e-6


@DIMS
def test_a_falling_ball_falls_freely(dim):
    start = (0.4,) + (0.0,) * (dim - 1)
    ball = Sphere((0.45,) + (0.6,) * (dim - 1), 0.33)
    tank = started(dim, ball, velocity=start)
    assert deep(tank).any()
    at_first = deep(tank).clone()
    for _ in range(10):
        report = tank.advance(FRAME)
        assert report.particles_removed == report.particles_left == 0
    expected = [*start]
    expected[-1] -= 9.81 * (tank.time - FRAME / 2)  # a leapfrog: half a step behind
    for axis, speed in enumerate(expected):
        error = (speeds(tank)[axis] - speed).abs()
        assert float(error.max()) < 0.02
        assert float(error.mean()) < 0.005
    assert deep(tank).any()
    assert not torch.equal(deep(tank), at_first)
    assert abs(tank.volume_error()) < 0.01


@DIMS
def test_the_grid_carries_a_linear_flow_exactly(dim):
    """Cubics and the midpoint rule are exact on it, away from the walls."""
    grid = cubic(dim, 16)
    band = Band(grid, CPU, 3, 2**dim)
    grid.cells(band.deep)[(slice(6, 10),) * dim] = 1 + 2**dim
    slopes = torch.randn(dim, dim, generator=torch.Generator().manual_seed(1))
    points = [grid.face_positions(axis, CPU) for axis in range(dim)]
    field = torch.stack([points[axis] @ slopes[axis] + axis for axis in range(dim)])
    new, copy = torch.zeros_like(field), torch.zeros_like(field)
    sums = torch.zeros(2 * field.numel())
    band.remember(field)
    dt = 0.02
    band.advect(new, copy, sums, dt)
    reached = (sums.view(-1, 2)[:, 1] == 1).view(field.shape)
    assert torch.equal(new, copy)
    constant = torch.arange(dim, dtype=torch.float32)
    for axis in range(dim):
        flow = points[axis] @ slopes.T + constant
        halfway = (points[axis] - dt / 2 * flow) @ slopes.T + constant
        origin = points[axis] - dt * halfway
        found = reached[axis]
        assert bool(grid.faces(reached, axis)[(slice(6, 10),) * dim].all())
        assert int(found.sum()) < 9 * 8 ** (dim - 1)  # within a cell of the deep
        expected = (origin @ slopes[axis] + axis)[found]
        torch.testing.assert_close(new[axis][found], expected, atol=1e-5, rtol=1e-5)


def waves(narrow_band):
    """Height of the first mode of a standing wave in time, in cells."""

    class Wave(HalfSpace):
        def distance(self, points):
            return points[..., -1] - 0.5 - 0.06 * torch.cos(math.pi * points[..., 0])

    tank = started(2, Wave(0.5), narrow_band=narrow_band)
    mode = torch.cos(math.pi * (torch.arange(32) + 0.5) / 32)
    seen = []
    for _ in range(50):
        tank.advance(FRAME)
        wet = (0.5 - tank.grid.cells(tank.surface.distance)).clamp(0, 1).sum(1)
        seen.append(float((wet * mode).mean() * 2))
    return tank, torch.tensor(seen)


def test_waves_are_those_of_a_liquid_full_of_particles():
    (tank, seen), (_, expected) = waves(3), waves(0)
    assert deep(tank).any()
    assert float(expected.max() - expected.min()) > 3
    assert float((seen - expected).abs().max()) < 0.1
    assert abs(tank.volume_error()) < 2e-3


@DIMS
def test_a_solid_moves_through_the_deep(dim):
    """Where it was there is water, and nothing is lost or torn."""
    centre = (0.3,) + (0.3,) * (dim - 1)
    sweep = Moving(Sphere(centre, 0.11), centre, velocity=(0.5,) + (0.0,) * (dim - 1))
    tank = started(dim, HalfSpace(0.75), solids=[sweep])
    for _ in range(30):
        report = tank.advance(FRAME)
        assert report.particles_removed <= 2
        assert tank.holes() == 0
    at = tuple(int(x * CELLS[dim]) for x in centre)
    assert bool(deep(tank)[at])
    assert bool(tank.fluid_cells()[at])
    assert abs(tank.volume_error()) < 0.01


@DIMS
def test_no_particles_are_made_in_solids(dim):
    """A wall beside what was deep, with air behind it; the level set goes on into it."""
    grid = cubic(dim, 16)
    wall = Box((6 / 16,) + (-1.0,) * (dim - 1), (8 / 16,) + (2.0,) * (dim - 1))
    solids = Solids(grid, [wall], [], CPU)
    band = Band(grid, CPU, 3, 2**dim)
    grid.cells(band.deep)[8:11] = 1
    wet = torch.zeros(grid.shape, dtype=torch.bool)
    wet[6:13] = True
    wanted = torch.zeros(grid.nodes, dtype=torch.int32)
    grid.cells(wanted)[11:13] = 1
    band.choose(wanted, wet, solids)
    held = grid.cells(wanted)
    assert not held[:8].any()
    assert (held[11] == 2**dim).all()  # beside what was deep: filled up


def test_what_flows_in_and_out_is_counted():
    tank = started(
        2,
        HalfSpace(0.5),
        inflows=[Inflow(Box((-1, 0.6), (0.1, 0.7)), (0.8, 0.0))],
        outflows=[Outflow(Box((0.7, -1), (0.85, 0.06)))],
    )
    assert not deep(tank)[22:28, :5].any()
    for _ in range(40):
        tank.advance(FRAME)
    assert tank.exchanged.poured > 100
    assert tank.exchanged.drained > 100
    assert abs(tank.volume_error()) < 0.02


@pytest.mark.slow
def test_an_inflow_fills_a_pool():
    tank = started(2, HalfSpace(0.1), inflows=[Inflow(Box((-1, 0.6), (0.1, 0.8)), (1.5, 0))])
    for _ in range(70):
        tank.advance(FRAME)
    assert deep(tank).any()
    assert abs(tank.volume_error()) < 0.04


def test_water_that_leaves_is_counted():
    tank = started(2, Box((-1, -1), (0.6, 0.8)), open_sides=["x+"])
    for _ in range(30):
        tank.advance(FRAME)
    assert tank.lost.left > 100
    assert abs(tank.volume_error()) < 0.03


@DIMS
def test_frames_show_the_whole_liquid(dim):
    tank = started(dim, HalfSpace(0.5), velocity=(0.3,) + (0.0,) * (dim - 1))
    frame = frame_of(tank, 1, "", None)
    assert isinstance(frame, LiquidFrame)
    assert len(frame.positions) == len(frame.velocities) == tank.particle_count
    assert tank.particle_count > 2 * tank.particles.count
    cells = torch.from_numpy(frame.positions / tank.grid.dx).long()
    held = torch.zeros(tank.grid.shape).index_put(
        cells.unbind(1), torch.ones(len(cells)), accumulate=True
    )
    assert torch.equal(held > 0, tank.surface.distance[(slice(-1),) * dim] < 0)
    assert (held[deep(tank)] == 2**dim).all()
    full = started(dim, HalfSpace(0.5), velocity=(0.3,) + (0.0,) * (dim - 1), narrow_band=0)
    assert len(frame.positions) == full.particles.count


@DIMS
def test_deep_cells_lie_within_the_liquid(dim):
    tank = started(dim, HalfSpace(0.5), solids=[Sphere((0.5,) * dim, 0.2)])
    for _ in range(3):
        tank.advance(FRAME)
    grid = tank.grid
    wet = (grid.cells(tank.surface.distance) < 0) | (grid.cells(tank.solids.solid) != 0)
    wet |= grid.cells(tank.solids.cut) > 0
    assert deep(tank).any()
    assert not (deep(tank) & ~shrunk(wet, 3)).any()
    assert not (grid.cells(tank.particles.cell_counts[:-1].view(grid.nodes))[deep(tank)]).any()


def test_cells_that_are_no_longer_deep_are_filled_outside_of_solids():
    grid = cubic(2, 16)
    ball = Sphere((0.5, 0.5), 0.2)
    solids = Solids(grid, [ball], [], CPU)
    tank = started(2, HalfSpace(1.0), solids=[ball], gravity=0.0)
    tank.surface.distance.fill_(-1.0)
    tank.advance(FRAME)
    before = tank.particles.count
    tank.surface.distance[:, 12:] = 1.0
    wet = tank.grid.cells(tank.surface.distance) < 0
    flow = torch.zeros(2 * tank.velocity.numel())
    tank.particles.sort_and_resample(
        torch.zeros(tank.grid.nodes, dtype=torch.int8), tank.solids, flow, 1, 0.0, wet
    )
    assert tank.particles.count > before
    points = tank.particles.positions * tank.grid.dx
    assert float(ball.distance(points).min()) > -0.5 * tank.grid.dx
    assert solids.room.min() == 0


def test_the_width_is_checked():
    scene = LiquidScene(size=(1.0, 1.0), liquid=HalfSpace(0.5))
    for cells in (1, 2, -3):
        with pytest.raises(ValueError, match="narrow_band must be 0 or at least 3"):
            dataclasses.replace(scene, narrow_band=cells)
