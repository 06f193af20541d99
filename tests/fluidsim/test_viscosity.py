"""Viscosity against exact solutions and what it must leave alone."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import scipy.special
import torch

from fluidsim import LiquidScene, RunConfig
from fluidsim.errors import SimulationError
from fluidsim.flow import viscosity
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.strain import Strain
from fluidsim.flow.stress import ViscousOperator
from fluidsim.flow.viscosity import Viscosity
from fluidsim.grid.grid import Grid
from fluidsim.smoke.options import SmokeOptions
from fluidsim.solid.boundary import SIDES, Inlet, Wall
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, HalfSpace, Sphere
from fluidsim.solid.solids import Solids
from fluidsim.timing import StageTimer
from scenes import viscous_coil
from tests.fluidsim.worlds import CPU, cubic, filled, liquid, oblong, smoke

DIMS = pytest.mark.parametrize("dim", [2, 3])


def everywhere_open(grid, solids=()):
    return Solids(grid, solids, SIDES, CPU)


def random_fluid(solids, seed=0):
    """Cells taken at random, some two in three of those that are not solid."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.rand(solids.grid.shape, generator=generator) < 0.65
    return chosen & (solids.grid.cells(solids.solid) == 0)


def random_flow(grid, seed=1):
    flow = grid.zeros(CPU, grid.dim)
    values = torch.randn(flow.shape, generator=torch.Generator().manual_seed(seed))
    for axis in range(grid.dim):
        grid.faces(flow, axis).copy_(grid.faces(values, axis))
    return flow


def turning(grid, body):
    """Faces of a flow that moves with a rigid body."""
    return torch.stack(
        [body.velocity_at(grid.face_positions(a, CPU), 0.0)[..., a] for a in range(grid.dim)]
    )


def spinner(grid, radius):
    centre = tuple(0.48 * side for side in grid.extent)
    return Moving(Sphere(centre, radius), centre, spin=2.0, axis=(0.3, -0.5, 0.8))


def apply(flow, fluid, solids, number, rtol=1e-12):
    """Viscosity so that mu dt / (rho dx^2) is `number`."""
    grid = solids.grid
    acting = Viscosity(grid, number * grid.dx**2, 1.0, rtol)
    result = flow.clone()
    assert acting.apply(result, filled(fluid, solids), solids, 1.0).relative_residual <= rtol
    return result, acting


@DIMS
@pytest.mark.parametrize("sides", [[], ["x+"], SIDES])
def test_operator_is_symmetric_and_at_least_the_mass(dim, sides):
    grid = Grid((7, 5, 4)[:dim], 0.1)
    solids = Solids(grid, [spinner(grid, 0.14)], sides, CPU)
    strain = Strain.of(filled(random_fluid(solids), solids), solids, grid)
    operator = ViscousOperator(strain, 7.0, grid)
    n = len(operator.faces)
    assert n > 10
    matrix = torch.stack([operator.apply(unit) for unit in torch.eye(n).double()], 1)
    torch.testing.assert_close(matrix, matrix.T, rtol=0, atol=1e-13)
    torch.testing.assert_close(matrix.diagonal(), operator.diagonal(), rtol=1e-6, atol=0)
    dissipation = matrix - operator.mass.diag()
    assert float(torch.linalg.eigvalsh(dissipation).min()) > -1e-12
    assert float(operator.mass.min()) > 0.1


@DIMS
def test_rigid_motion_is_untouched_at_free_surfaces(dim):
    """In the full stress; without the transposed gradient the same fluid is braked."""
    grid = oblong(dim)
    solids = everywhere_open(grid)
    fluid = random_fluid(solids)
    body = spinner(grid, 0.1)
    flow = turning(grid, body)
    result, _ = apply(flow, fluid, solids, 50.0)
    for axis in range(dim):
        gap = grid.faces(result - flow, axis).abs().max()
        assert float(gap) < 2e-7 * float(flow.abs().max())
    strain = Strain.of(filled(fluid, solids), solids, grid)
    gradient = strain.factors.clone()
    for i, j in itertools.combinations(range(dim), 2):
        gradient[j, i] = 0
    halved = ViscousOperator(dataclasses.replace(strain, factors=gradient), 1.0, grid)
    inside = torch.where(strain.free, flow, 0.0)
    x = halved.gather(inside)
    braked = halved.apply(x) - halved.mass * x
    assert float(braked.abs().max()) > 0.1 * float(flow.abs().max()) * grid.dx


@DIMS
def test_fluid_that_turns_with_a_solid_is_untouched(dim):
    grid = oblong(dim)
    body = spinner(grid, 0.27)
    solids = everywhere_open(grid, [body])
    flow = turning(grid, body)
    result, acting = apply(flow, grid.cells(solids.solid) == 0, solids, 50.0)
    clear = solids.distance > 2 * grid.dx
    outside = (solids.open > 0) | clear
    for axis in range(dim):
        gap = grid.faces((result - flow) * outside, axis).abs().max()
        assert float(gap) < 1e-6 * float(flow.abs().max())
    assert float(acting.friction(solids).abs().max()) < 1e-6


@DIMS
def test_momentum_and_spin_are_conserved_away_from_walls(dim):
    grid = oblong(dim)
    solids = everywhere_open(grid)
    fluid = random_fluid(solids)
    flow = random_flow(grid)
    result, _ = apply(flow, fluid, solids, 5.0)
    mass = Strain.of(filled(fluid, solids), solids, grid).mass
    change = (result - flow).double() * mass
    size = float(change.abs().sum())
    assert size > 10
    positions = [grid.face_positions(axis, CPU).double() for axis in range(dim)]
    for axis in range(dim):
        assert abs(float(change[axis].sum())) < 1e-6 * size
    for i, j in itertools.combinations(range(dim), 2):
        torque = (positions[j][..., i] * change[j]).sum() - (positions[i][..., j] * change[i]).sum()
        assert abs(float(torque)) < 1e-6 * size


@DIMS
def test_a_drop_that_moves_as_a_rigid_body_is_untouched_by_its_surface(dim):
    """Also where the surface leaves too little fluid around a face for it to count."""
    grid = oblong(dim)
    solids = everywhere_open(grid)
    drop = Sphere(tuple(0.48 * side for side in grid.extent), 0.37 * min(grid.extent))
    distance = drop.distance(grid.cells(grid.cell_positions(CPU).movedim(-1, 0)).movedim(0, -1))
    surface = distance / grid.dx
    flow = turning(grid, spinner(grid, 0.1)) + 0.5
    result = flow.clone()
    acting = Viscosity(grid, 50.0 * grid.dx**2, 1.0, 1e-12)
    acting.apply(result, filled(surface < 0, solids, surface), solids, 1.0)
    for axis in range(dim):
        gap = grid.faces(result - flow, axis).abs().max()
        assert float(gap) < 1e-6 * float(flow.abs().max())


@DIMS
def test_friction_is_the_momentum_that_the_fluid_loses(dim):
    """By the open part of each face, as the pressure moves it."""
    grid = cubic(dim, 10)
    solids = everywhere_open(grid, [Sphere((0.52,) * dim, 0.22)])
    fluid = grid.cells(solids.solid) == 0
    flow = random_flow(grid) + 1.0
    result, acting = apply(flow, fluid, solids, 2.0)
    strain = Strain.of(filled(fluid, solids), solids, grid)
    assert bool((strain.stuck & (solids.open > 0)).any())
    lost = ((flow - result).double() * strain.mass * solids.open).flatten(1).sum(1)
    expected = lost * grid.dx**dim
    torch.testing.assert_close(acting.friction(solids), expected, rtol=1e-5, atol=1e-7)
    assert float(expected.min()) > 0


@DIMS
def test_held_faces_keep_their_velocity_and_drag_the_rest(dim):
    grid = cubic(dim, 10)
    solids = Solids(grid, [], [], CPU)
    held = torch.zeros(dim, *grid.nodes, dtype=torch.bool)
    held[-1, 4:6, ..., 7:] = True
    held &= ~solids.walls
    flow = grid.zeros(CPU, dim)
    flow[held] = -1.0
    acting = Viscosity(grid, 1.0, 1.0, 1e-10)
    result = flow.clone()
    fluid = torch.ones(grid.shape, dtype=torch.bool)
    domain = FlowDomain(fluid, solids.open, solids.velocity, held=held)
    acting.apply(result, domain, solids, 1e3)
    assert torch.equal(result[held], flow[held])
    beside = result[-1, 4:6, ..., 6][~solids.walls[-1, 4:6, ..., 6]]
    assert float(beside.max()) < -0.3
    assert float(result.abs().max()) == 1.0


def fitted_order(sizes, errors):
    return -np.polyfit(np.log(sizes), np.log(errors), 1)[0]


def rms(values, where):
    return math.sqrt(float(values[where].double().square().mean()))


def manufactured_error(dim, n):
    """Against u_i = sin(pi x_i) sin(2 pi x_j) ..., which is 0 on all walls of the box."""
    grid = cubic(dim, n)
    solids = Solids(grid, [], [], CPU)
    step = 0.05  # nu dt, m^2
    flow, exact = grid.zeros(CPU, dim), grid.zeros(CPU, dim)
    for i in range(dim):
        at = grid.face_positions(i, CPU)
        rates = [[math.pi * (1 if k == j else 2) for k in range(dim)] for j in range(dim)]
        wave = torch.sin(at * torch.tensor(rates[i])).prod(-1)
        laplacian = -sum(rate**2 for rate in rates[i]) * wave
        compression = torch.zeros_like(wave)  # d/dx_i of div u
        for j in range(dim):
            turned = torch.tensor(rates[j])
            sines, cosines = torch.sin(at * turned), torch.cos(at * turned)
            if j == i:
                compression -= rates[i][i] ** 2 * wave
            else:
                term = turned[i] * turned[j] * cosines[..., i] * cosines[..., j]
                compression += term * sines.prod(-1) / (sines[..., i] * sines[..., j])
        grid.faces(exact, i).copy_(grid.faces(wave.expand_as(flow), i))
        before = wave - step * (laplacian + torch.nan_to_num(compression))
        grid.faces(flow, i).copy_(grid.faces(before.expand_as(flow), i))
    result, _ = apply(flow, torch.ones(grid.shape, dtype=torch.bool), solids, step * n**2, 1e-9)
    return rms(result - exact, ~solids.walls)


@DIMS
def test_no_slip_box_converges_with_second_order(dim):
    sizes = [8, 16, 32] if dim == 2 else [8, 12, 18]
    errors = [manufactured_error(dim, n) for n in sizes]
    assert fitted_order(sizes, errors) > 1.8


def swirl_error(n, radius):
    """A swirl J1(k r) in a round vessel decays as a whole, by 1 / (1 + nu k^2 dt) a step."""
    grid = cubic(2, n)
    vessel = Box((-1.0, -1.0), (2.0, 2.0)) - Sphere((0.5, 0.5), radius)
    solids = Solids(grid, [vessel], [], CPU)
    rate = scipy.special.jn_zeros(1, 1)[0] / radius
    flow = grid.zeros(CPU, 2)
    for axis, sign in ((0, -1), (1, 1)):
        arm = grid.face_positions(axis, CPU).double() - 0.5
        distance = arm.square().sum(-1).sqrt().clamp(min=1e-9)
        speed = torch.from_numpy(scipy.special.j1(rate * distance.numpy()))
        flow[axis] = sign * speed / distance * arm[..., 1 - axis] * (distance < radius)
    step = 0.05
    fluid = grid.cells(solids.solid) == 0
    result, _ = apply(flow, fluid, solids, step * n**2, 1e-9)
    free = Strain.of(filled(fluid, solids), solids, grid).free
    return rms(result - flow / (1 + step * rate**2), free)


def test_swirl_in_a_round_vessel_decays_as_the_exact_one():
    sizes = [16, 32, 64, 128]
    errors = [max(swirl_error(n, radius) for radius in (0.37, 0.4, 0.43)) for n in sizes]
    assert fitted_order(sizes, errors) > 1.4


def stirred(dim, thickness):
    """Speed of the air around a ball or disc that turns in a closed box."""
    grid = cubic(dim, 16 if dim == 2 else 12)
    body = Moving(Sphere((0.5,) * dim, 0.25), (0.5,) * dim, spin=4.0)
    still = SmokeOptions(weight=0, lift=0, vorticity=0, viscosity=thickness)
    flow = smoke(grid, solids=[body], physics=still)
    for _ in range(8):
        flow.step(0.05)
    return max(
        float(grid.faces(flow.velocity * (flow.solids.open > 0.99), a).abs().max())
        for a in range(dim)
    )


@pytest.mark.slow
@DIMS
def test_a_turning_body_drags_only_what_is_viscous(dim):
    assert stirred(dim, 0.0) < 0.02
    assert stirred(dim, 0.05) > 0.4


@DIMS
@pytest.mark.parametrize("thickness", [1.0, 1e3])
def test_energy_of_any_viscosity_decays(dim, thickness):
    grid = cubic(dim, 16 if dim == 2 else 10)
    tank = liquid(grid, HalfSpace(0.5), gravity=0.0, flip=None, rtol=1e-6, viscosity=thickness)
    speeds = tank.particles.velocities
    speeds.copy_(torch.randn(speeds.shape, generator=torch.Generator().manual_seed(3)))
    energy = float(speeds.double().square().sum())
    first = energy
    for _ in range(5):
        tank.step(1 / 60)
        before, energy = energy, float(tank.particles.velocities.double().square().sum())
        assert energy < before
    assert energy < (0.1 if thickness == 1.0 else 1e-3) * first


@DIMS
@pytest.mark.parametrize("thickness", [4.0, 4.4, 4.6])
def test_a_film_that_falls_along_a_wall_is_as_thick_as_its_surface_says(dim, thickness):
    """Against the exact parabola, in steps that are long against the time of the viscosity."""
    grid = Grid((8, 41) if dim == 2 else (8, 3, 41), 0.1)
    walls = {"y-": Wall(slip=True), "y+": Wall(slip=True)}
    solids = Solids(grid, [], ["z-", "z+"], CPU, walls)
    x = grid.cells(grid.cell_positions(CPU)[..., 0]) / grid.dx
    flow = grid.zeros(CPU, dim)
    acting = Viscosity(grid, 1e3, 1.0, 1e-10)
    for _ in range(4):
        grid.faces(flow, dim - 1).sub_(1e3)
        acting.apply(flow, filled(x < thickness, solids, x - thickness), solids, 1.0)
    middle = (..., 20) if dim == 2 else (..., 1, 20)
    found = flow[-1][middle][:8] / -(grid.dx**2)
    across = x[middle]
    exact = across * (thickness - across / 2)
    inside = across < thickness
    torch.testing.assert_close(found[inside], exact[inside], atol=0.03 * thickness**2 / 2, rtol=0)


def test_negative_viscosity_is_refused():
    with pytest.raises(ValueError, match="viscosity must not be negative"):
        SmokeOptions(viscosity=-1.0)
    with pytest.raises(ValueError, match="viscosity must not be negative"):
        LiquidScene(size=(1.0, 1.0), liquid=HalfSpace(0.5), viscosity=-1.0)


def test_a_solve_that_fails_is_said_at_once(monkeypatch):
    monkeypatch.setattr(viscosity, "MAX_ITERATIONS", 1)
    tank = liquid(cubic(2, 16), HalfSpace(0.5), viscosity=10.0)
    tank.particles.velocities.normal_(generator=torch.Generator().manual_seed(0))
    with pytest.raises(SimulationError, match="viscosity reached only"):
        tank.step(0.01)


@DIMS
def test_water_at_rest_lifts_a_body_by_the_weight_it_displaces(dim):
    grid = cubic(dim, 24 if dim == 2 else 16)
    radius = 0.2
    ball = Sphere((0.52, 0.49, 0.4)[-dim:], radius)
    tank = liquid(grid, HalfSpace(0.8), [ball], rtol=1e-10, viscosity=1e-3)
    tank.step(1e-3)
    volume = math.pi * radius**2 if dim == 2 else 4 / 3 * math.pi * radius**3
    force = tank.force_on_solids() / (1000 * 9.81 * volume)
    assert float(force[-1]) == pytest.approx(1.0, abs=0.02 if dim == 2 else 0.05)
    assert float(force[:-1].abs().max()) < 0.02


@DIMS
def test_viscous_water_stays_at_rest_around_a_body(dim):
    """Faces that the body cuts are stopped, but not by what gravity has just given them."""
    grid = cubic(dim, 24 if dim == 2 else 14)
    ball = Sphere((0.52, 0.49, 0.4)[-dim:], 0.2)
    tank = liquid(grid, HalfSpace(0.8), [ball], viscosity=1e-3)
    for _ in range(3):
        tank.step(1 / 60)
    assert float(tank.particles.velocities.abs().max()) < 2e-3


def test_a_cylinder_in_a_channel_is_dragged_as_in_the_benchmark():
    """Schaefer & Turek 1996, 2D-1: a drag coefficient of 5.5795; 10 cells across, off the grid."""
    wide, thickness = 0.41, 1e-3

    def parabola(points):
        flow, height = torch.zeros_like(points), points[..., -1] / wide
        flow[..., 0] = 1.2 * height * (1 - height)
        return flow

    grid = Grid((50, 41), 0.01)
    physics = SmokeOptions(weight=0, lift=0, vorticity=0, viscosity=thickness * 1.2)
    flow = smoke(
        grid, (), [Sphere((0.2, 0.2), 0.05)], ["x+"], physics, 1e-6, solver="multigrid",
        inlets=[Inlet("x-", parabola)],
    )  # fmt: skip
    for _ in range(20):
        flow.advance(0.1)
    drag = flow.force_on_solids() / (0.5 * 1.2 * 0.2**2 * 0.1)
    assert float(drag[0]) == pytest.approx(5.5795, rel=0.01)
    assert float(drag[1]) == pytest.approx(0.0106, abs=0.02)


@pytest.mark.slow
def test_the_honey_of_the_scene_buckles_between_the_ceiling_and_the_floor(machine):
    """Its middle line leaves the axis by more than the rope is thick, and turns back."""
    config = RunConfig("viscous_coil", dim=2, resolution=32)
    scene = viscous_coil.build(config)
    honey = scene.simulate(config, machine, StageTimer(machine.device))
    for _ in range(20):
        honey.advance(scene.frame_seconds)
    x, z = (honey.particles.positions * honey.grid.dx).T
    heights = torch.linspace(0.15, 0.95, 17) * viscous_coil.HEIGHT
    near = [(z - height).abs() < honey.grid.dx for height in heights]
    middles = torch.stack([x[part].mean() for part in near]) - viscous_coil.WIDTH / 2
    assert float(middles.abs().max()) > viscous_coil.RADIUS
    assert float(middles[-1].abs()) < 0.3 * viscous_coil.RADIUS
