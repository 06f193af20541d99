"""Smoke against what is known of it."""

import itertools
import math

import numpy as np
import pytest
import torch

from fluidsim.grid.grid import Grid
from fluidsim.smoke.advection import Advection
from fluidsim.smoke.confinement import acceleration, acceleration_as_defined, vorticity
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.smoke.smoke import FAR
from fluidsim.solid.boundary import Inlet
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, Cylinder, Sphere
from tests.fluidsim.worlds import CPU, cubic, smoke, source

DIMS = pytest.mark.parametrize("dim", [2, 3])
STILL = SmokeOptions(weight=0.0, lift=0.0, vorticity=0.0, cooling=0.0)


def vortex(grid):
    """Steady solution of Euler's equations: stream function sin(pi x) sin(pi z) / pi."""
    velocity = grid.zeros(CPU, grid.dim)
    for axis, sign in ((0, 1), (grid.up, -1)):
        points = math.pi * grid.face_positions(axis, CPU)
        x, z = points[..., 0], points[..., -1]
        wave = torch.sin(x) * torch.cos(z) if axis == 0 else torch.cos(x) * torch.sin(z)
        stored = (sign * wave).expand(grid.dim, *grid.nodes)
        grid.faces(velocity, axis).copy_(grid.faces(stored, axis))
    return velocity


def energy_and_error(dim, n, seconds, method="cubic"):
    """Of Taylor-Green cells in a closed box at the default CFL: share kept, RMS error, m/s."""
    grid = cubic(dim, n)
    flow = smoke(grid, physics=SmokeOptions(0, 0, 0, 0, 0, method), rtol=1e-7, solver="multigrid")
    exact = vortex(grid)
    flow.velocity.copy_(exact)
    for _ in range(round(n * seconds / 1.5)):
        flow.step(1.5 / n)
    errors = [grid.faces(flow.velocity - exact, axis).square().mean() for axis in range(dim)]
    kept = float(flow.velocity.square().sum() / exact.square().sum())
    return kept, math.sqrt(float(sum(errors)))


def fitted_order(sizes, errors):
    return -np.polyfit(np.log(sizes), np.log(errors), 1)[0]


@pytest.mark.parametrize(("method", "order"), [("cubic", 1.9), ("semi-lagrangian", 0.9)])
def test_taylor_green_converges_in_space_and_time_together(method, order):
    sizes = [16, 32, 64]
    errors = [energy_and_error(2, n, 0.75, method)[1] for n in sizes]
    assert fitted_order(sizes, errors) > order


def test_taylor_green_keeps_its_energy():
    assert energy_and_error(2, 64, 2.0)[0] > 0.995


def test_taylor_green_keeps_its_energy_in_3d():
    coarse, fine = (energy_and_error(3, n, 0.5) for n in (12, 24))
    assert fine[0] > 0.975
    assert fitted_order([12, 24], [coarse[1], fine[1]]) > 1.9


def carried_vortex(n):
    """A vortex of finite extent that a wind carries for 0.4 s: RMS error against its own speed."""
    grid = cubic(2, n)
    blown = Inlet("x-", (1.0, 0.0))
    flow = smoke(
        grid, physics=STILL, inlets=[blown], open_sides=["x+"], rtol=1e-7, solver="multigrid"
    )

    def field(x, wind):
        velocity = grid.zeros(CPU, 2)
        for axis in range(2):
            away = grid.face_positions(axis, CPU) - torch.tensor((x, 0.5))
            turn = 8 * (1 - away.square().sum(-1) / 0.3**2).clamp(min=0) ** 3
            own = (wind - turn * away[..., 1]) if axis == 0 else turn * away[..., 0]
            stored = own.expand(2, *grid.nodes)
            grid.faces(velocity, axis).copy_(grid.faces(stored, axis))
        return velocity

    flow.velocity.copy_(field(0.3, 1.0))
    for _ in range(n // 4):
        flow.step(1.6 / n)
    error = flow.velocity - field(0.7, 1.0)
    return float(error[:, :-1, :-1].norm() / field(0.7, 0.0)[:, :-1, :-1].norm())


@pytest.mark.slow
def test_a_carried_vortex_converges_in_space_and_time_together():
    sizes = [32, 64, 128]
    errors = [carried_vortex(n) for n in sizes]
    assert errors[-1] < 0.01
    assert fitted_order(sizes, errors) > 1.9


def plume_around_a_ball(steps):
    """Until 0.8 s in steps of equal length."""
    grid = Grid((24, 36), 1 / 24)
    hot = Source(Sphere((0.45, 0.25), 0.12), roughness=0.0)
    room = smoke(grid, [hot], [Sphere((0.5, 0.7), 0.15)], physics=SmokeOptions(vorticity=0.0))
    room.cfl = math.inf
    fastest = 0.0
    for _ in range(steps):
        fastest = max(fastest, room.advance(0.8 / steps).top_speed * 0.8 / steps / grid.dx)
    return room, fastest


def test_long_steps_hold_to_short_ones():
    """A plume in steps of up to three cells, with two projections; with one it is 7.5 % off."""
    short, _ = plume_around_a_ball(48)
    few, fastest = plume_around_a_ball(12)
    assert fastest > 1.5 * FAR
    assert float((few.velocity - short.velocity).norm()) < 0.055 * float(short.velocity.norm())
    assert float((few.density - short.density).norm()) < 0.09 * float(short.density.norm())


def test_viscous_decay_is_of_second_order_in_time():
    """Of a slow eddy that the walls of its box hold: differences of ever smaller steps."""
    grid = cubic(2, 16)
    wave = torch.sin(math.pi * grid.node_positions(CPU)).square().prod(-1) / grid.dx
    start = grid.zeros(CPU, 2)
    start[0, :, :-1] = 1e-3 * torch.diff(wave, dim=1)
    start[1, :-1] = -1e-3 * torch.diff(wave, dim=0)
    ends = []
    for steps in (8, 16, 32):
        physics = SmokeOptions(0, 0, 0, 0, 0, viscosity=1.2 * 0.01)
        flow = smoke(grid, physics=physics, rtol=1e-9)
        flow.velocity.copy_(start)
        for _ in range(steps):
            flow.step(1.0 / steps)
        ends.append(flow.velocity.clone())
    coarse, fine = (float((a - b).norm()) for a, b in itertools.pairwise(ends))
    assert math.log2(coarse / fine) > 1.8


@DIMS
def test_velocity_is_carried_within_its_range(dim):
    grid = cubic(dim, 16)
    wind = grid.zeros(CPU, dim) + 1.0
    field = (torch.rand((dim, *grid.nodes), generator=torch.Generator().manual_seed(1)) > 0.5) * 1.0
    advection = Advection(grid, CPU)
    advection.trace(wind, 1.7 * grid.dx)
    carried = advection.faces(field)
    assert float(carried.min()) >= 0
    assert float(carried.max()) <= 1


@DIMS
def test_hot_smoke_rises_and_stays_in_the_box(dim):
    grid = cubic(dim, 24)
    base = (0.5,) * (dim - 1) + (0.05,)
    plume = smoke(grid, [source(Cylinder(base, 0.15, 0.1))])
    heights = []
    for _ in range(24):
        report = plume.advance(1 / 30)
        z = grid.cells(grid.cell_positions(CPU)[..., -1])
        heights.append(float((z * plume.density).sum() / plume.density.sum()))
    assert heights[-1] > heights[0] + grid.dx
    assert heights[-1] == max(heights)
    assert float(plume.density.min()) >= 0
    assert report.max_divergence < 1e-4
    assert plume.volume_error() == 0


@DIMS
def test_cold_air_without_source_stays_still(dim):
    calm = smoke(cubic(dim, 12))
    calm.advance(0.1)
    assert float(calm.velocity.abs().max()) == 0


@DIMS
def test_dissipation_and_cooling_follow_the_exponential(dim):
    room = smoke(cubic(dim, 8), physics=SmokeOptions(0, 0, 0, dissipation=0.7, cooling=1.3))
    room.scalars[0] = 1.0
    room.scalars[1] = 50.0
    for _ in range(10):
        room.step(0.05)
    assert float(room.density.mean()) == pytest.approx(math.exp(-0.35), rel=1e-5)
    assert float(room.temperature.mean()) == pytest.approx(50 * math.exp(-0.65), rel=1e-5)


@DIMS
def test_smoke_flows_around_a_solid(dim):
    grid = cubic(dim, 24)
    ball = Sphere((0.5,) * dim, 0.2)
    base = (0.5,) * (dim - 1) + (0.05,)
    plume = smoke(grid, [source(Cylinder(base, 0.15, 0.1))], [ball])
    for _ in range(45):
        report = plume.advance(1 / 30)
    assert report.max_divergence < 1e-4
    flow = grid.centred(plume.velocity)
    centres = grid.cells(grid.cell_positions(CPU).movedim(-1, 0))
    normal = torch.nn.functional.normalize(centres - 0.5, dim=0)
    inside = grid.cells(plume.solids.cut) == 2
    through = (flow * normal).sum(0)[inside].abs().mean() / flow.norm(dim=0)[inside].mean()
    assert float(through) < 0.2  # without the ball it is 0.6 and more
    above = grid.cells(grid.cell_positions(CPU)[..., -1]) > 0.5
    assert float(plume.density[above].max()) > 0.05


@DIMS
def test_source_with_velocity_blows(dim):
    grid = cubic(dim, 16)
    jet = Source(Box((0.1,) * dim, (0.3,) * dim), velocity=(2.0,) + (0.0,) * (dim - 1))
    room = smoke(grid, [jet], open_sides=["x+"], physics=STILL)
    for _ in range(5):
        room.advance(1 / 30)
    assert float(grid.cells(room.velocity[0]).max()) > 0.5
    filled = (room.density > 0.1).sum() * grid.dx**dim
    assert float(filled) > 1.5 * 0.2**dim


@DIMS
def test_a_moving_solid_drags_the_air(dim):
    grid = cubic(dim, 24)
    fan = Moving(Box((0.3,) * dim, (0.5,) * dim), (0.4,) * dim, (1.0,) + (0.0,) * (dim - 1))
    room = smoke(grid, solids=[fan], physics=STILL)
    room.advance(1 / 30)
    assert room.solids.time == room.time
    assert float(room.velocity[0].max()) == pytest.approx(1.0, rel=0.3)
    assert float(room.velocity.abs().sum()) > 0


def test_a_solve_starts_from_the_pressure_that_the_last_ones_foretell():
    """With a loose tolerance a rising plume takes few iterations a step: fewer than from the last
    pressure, far fewer than from none."""
    counts = {}
    for start in ("foretold", "last", "none"):
        base = Cylinder((0.5, 0.05), 0.15, 0.1)
        plume = smoke(cubic(2, 24), [source(base)], rtol=1e-2, history=0)
        counts[start] = 0
        for _ in range(15):
            if start != "foretold":
                plume._projector.guess_from(plume.pressure if start == "last" else None)
            counts[start] += plume.advance(1 / 60).iterations
    assert counts["foretold"] < 0.95 * counts["last"]
    assert counts["foretold"] < 0.5 * counts["none"]


def test_the_last_pressures_together_foretell_more():
    """In a run of few cells a step, and in one of many, where every step takes two solves."""
    for cfl, least in ((1.0, 0.95), (4.0, 0.93)):
        counts, guesses = {}, {}
        for history in (0, None):
            plume = smoke(cubic(2, 32), [source(Cylinder((0.5, 0.05), 0.15, 0.1))], rtol=1e-6,
                          history=history, cfl=cfl)  # fmt: skip
            reports = [plume.advance(1 / 30) for _ in range(20)]
            counts[history] = sum(report.iterations for report in reports)
            guesses[history] = reports[-1].guesses
        assert counts[None] < least * counts[0], (cfl, counts)
        assert guesses[0].keys() <= {"last", "zero"}
        assert guesses[None].keys() == {"history"}


def test_vorticity_of_a_rotation():
    grid = cubic(2, 12)
    velocity = grid.zeros(CPU, 2)
    velocity[0] = -3 * grid.face_positions(0, CPU)[..., 1]
    velocity[1] = 3 * grid.face_positions(1, CPU)[..., 0]
    spin = vorticity(velocity, grid)[0]
    torch.testing.assert_close(spin, torch.full_like(spin, 6.0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(7, 9), (1, 5), (5, 6, 7), (3, 1, 2)])
def test_the_kernels_of_confinement_do_what_the_definition_says(shape):
    grid = Grid(shape, 0.1)
    velocity = torch.randn((grid.dim, *grid.nodes))
    expected = acceleration_as_defined(velocity, 0.3, grid)
    assert float(expected.abs().max()) > 0 or 1 in shape
    torch.testing.assert_close(acceleration(velocity, 0.3, grid), expected, rtol=1e-4, atol=1e-4)


def test_vorticity_of_a_rotation_about_any_axis():
    grid = cubic(3, 10)
    omega = torch.tensor([1.0, -2.0, 0.5])
    velocity = grid.zeros(CPU, 3)
    for axis in range(3):
        points = grid.face_positions(axis, CPU)
        velocity[axis] = torch.linalg.cross(omega.expand_as(points), points)[..., axis]
    curl = vorticity(velocity, grid)
    expected = 2 * omega.view(3, 1, 1, 1).expand_as(curl)
    torch.testing.assert_close(curl, expected, rtol=1e-4, atol=1e-4)


@DIMS
def test_confinement_speeds_up_a_vortex_and_is_off_at_zero(dim):
    ends = {}
    for strength in (0.0, 0.5):
        grid = cubic(dim, 24)
        room = smoke(grid, physics=SmokeOptions(0, 0, strength, 0, 0))
        room.velocity = vortex(grid)
        for _ in range(10):
            room.step(0.02)
        ends[strength] = float(room.velocity.square().sum())
    assert ends[0.5] > ends[0.0]


def test_unknown_advection_is_refused():
    with pytest.raises(ValueError, match="cubic"):
        smoke(cubic(2, 8), physics=SmokeOptions(advection="magic"))
