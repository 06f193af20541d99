"""Gradients through liquids, against finite differences in double precision."""

import pytest
import torch

from fluidsim.differentiable import rollout
from fluidsim.errors import SimulationError
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.interface import Interface
from fluidsim.flow.pressure import Projector
from fluidsim.flow.strain import Strain
from fluidsim.flow.stress import ViscousOperator
from fluidsim.grid.grid import Grid
from fluidsim.liquid import levelset_torch, transfer_torch
from fluidsim.liquid.curvature import curvature
from fluidsim.liquid.inflows import Inflow
from fluidsim.liquid.levelset import LevelSet
from fluidsim.liquid.options import LiquidOptions
from fluidsim.liquid.volume import filled_as_defined
from fluidsim.scene.scene import LiquidScene
from fluidsim.solid.shapes import Box, Sphere
from fluidsim.solid.solids import Solids
from solvers import registry
from tests.fluidsim.test_differentiable import SOLVERS, assert_slope, smooth
from tests.fluidsim.worlds import CPU, liquid, oblong, ragged

DIMS = pytest.mark.parametrize("dim", [2, 3])
GRIDS = {2: Grid((12, 10), 0.1), 3: Grid((7, 6, 6), 0.1)}
TRANSFERS = pytest.mark.parametrize("flip", [0.95, None], ids=["flip", "apic"])


@pytest.fixture
def doubles():
    """Fields of doubles, as a program asks for them."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def dam(dim, flip=0.95, solver="direct", **more):
    """A column of liquid beside a ball on the floor."""
    grid = GRIDS[dim]
    far = (0.42, 2.0, 0.42) if dim == 3 else (0.57, 0.62)
    ball = Sphere((0.7 * grid.extent[0], 0.3, 0.1)[:: 1 if dim == 3 else 2], 0.15)
    column = Box((-1.0,) * dim, far)
    return liquid(grid, column, [ball], flip=flip, rtol=1e-12, solver=solver, **more)


def outcome(end):
    """A number that depends on all particles."""
    x, v = end["positions"], end["velocities"]
    return x.square().sum() + (smooth(3, 1, *v.shape)[0] * v).sum()


def random(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def spoilt(dim):
    """A burst drop around a ball, its particles with velocities and slopes, and a flow."""
    tank = ragged(dim)
    x = tank.particles.positions.to(torch.get_default_dtype())
    records = random(1, len(x), dim * (1 + dim)).to(x.dtype)
    flow = 0.5 * smooth(2, dim, *tank.grid.nodes)
    tank.solids.stop_at_walls(flow, tank.solids.open)
    return tank, x, records, flow


# The definitions say what the kernels do.


@DIMS
@TRANSFERS
def test_the_transfer_kernels_do_as_defined(dim, flip):
    tank = dam(dim, flip)
    particles = tank.particles
    particles._v.copy_(random(1, len(particles._v)))
    x, records = particles.positions.clone(), particles.records.clone()
    mean, weights = transfer_torch.to_faces(x, records, tank.grid)
    faces = torch.zeros_like(mean)
    sums = particles.to_faces(faces, torch.zeros_like(mean)).clone()
    torch.testing.assert_close(weights, sums, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(mean, faces, atol=1e-4, rtol=1e-4)
    new, old = (2 * smooth(seed, dim, *tank.grid.nodes) for seed in (5, 6))
    there, after, cells = transfer_torch.move(x, records, new, old, tank.solids, 0.1, flip or 0.0)
    particles.move(new, old, tank.solids, 0.1, flip or 0.0)
    assert float((there - x).abs().max()) > 1  # some meet the ball and the walls
    torch.testing.assert_close(particles.positions, there, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(particles.records, after, atol=1e-4, rtol=1e-4)
    assert torch.equal(particles._key[: particles.count], cells)


@DIMS
def test_the_surface_kernels_do_as_defined(dim):
    tank = ragged(dim)
    grid, surface = tank.grid, tank.surface
    flow = 2 * smooth(4, dim, *grid.nodes)
    carried = levelset_torch.carry(surface.distance, flow, grid, 0.3)
    surface.carry(torch.stack((flow, flow), -1).flatten(), 0.3 * grid.dx)
    here = grid.cells(surface.distance)
    torch.testing.assert_close(here, grid.cells(carried), atol=2e-5, rtol=1e-5)
    kinds = surface._kinds(tank.particles, tank.solids)
    places = tank.particles.positions, tank.particles.start
    held = levelset_torch.hold(surface.distance, *places, *kinds, grid, 0.5)
    program, shape, strides = surface._program()
    before = surface.distance.clone()
    program.hold(
        surface.distance.view(-1), places[0].view(-1), places[1], *kinds, shape, strides, 0.5
    )
    assert float((held - before).abs().max()) > 0.3
    torch.testing.assert_close(here, grid.cells(held), atol=2e-5, rtol=1e-5)


@DIMS
def test_a_recorded_liquid_is_that_of_the_simulator(dim):
    ends = []
    for recorded in (False, True):
        start = dam(dim).state()
        begun = {n: start[n].clone().requires_grad_(recorded) for n in ("positions", "velocities")}
        ends.append(rollout(dam(dim), 4, 0.02, begun).state)
    assert ends[1]["positions"].requires_grad and not ends[0]["positions"].requires_grad
    for name in ("positions", "velocities", "surface"):
        torch.testing.assert_close(ends[1][name].detach(), ends[0][name], rtol=1e-4, atol=1e-4)


# Each stage against differences.


@DIMS
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("of", [0, 1], ids=["positions", "velocities"])
def test_to_faces(dim, affine, of, doubles):
    tank, *start, flow = spoilt(dim)
    start[1] = start[1] if affine else start[1][:, :dim]

    def written(values):
        mean, _ = transfer_torch.to_faces(*start[:of], values, *start[of + 1 :], tank.grid)
        return (mean * flow).sum()

    assert_slope(written, start[of], 1e-5, 1e-7)


@DIMS
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("of", range(4), ids=["positions", "velocities", "faces", "before"])
def test_move(dim, affine, of, doubles):
    tank, *start, flow = spoilt(dim)
    start[1] = start[1] if affine else start[1][:, :dim]
    start += [flow, 0.3 * smooth(7, *flow.shape)]

    def moved(values):
        given = [*start[:of], values, *start[of + 1 :]]
        x, v, _ = transfer_torch.move(*given, tank.solids, 0.08, 0.9)
        return (x * random(3, *x.shape)).sum() + (v * random(4, *v.shape)).sum()

    if affine and of in (1, 3):  # its particles take nothing but the new faces
        assert not moved(start[of].clone().requires_grad_()).requires_grad
    else:
        assert_slope(moved, start[of], 1e-5, 1e-7)


@DIMS
@pytest.mark.parametrize("of", [0, 1], ids=["positions", "flow"])
def test_new_particles(dim, of, doubles):
    tank, x, _, flow = spoilt(dim)

    def poured(values):
        given = [x, flow]
        given[of] = values
        v = transfer_torch.poured_in(*given, 0.7, True, tank.grid)
        return (v * random(4, *v.shape)).sum()

    assert_slope(poured, (x, flow)[of], 1e-5, 1e-7)


@DIMS
@pytest.mark.parametrize("of", [0, 1], ids=["distance", "flow"])
def test_the_surface_is_carried(dim, of, doubles):
    tank, _, _, flow = spoilt(dim)

    def carried(values):
        given = [tank.surface.distance, flow]
        given[of] = values
        end = levelset_torch.carry(*given, tank.grid, 0.4)
        return (end * smooth(5, 1, *end.shape)[0]).sum()

    assert_slope(carried, (tank.surface.distance, flow)[of], 1e-5, 1e-7)


@DIMS
@pytest.mark.parametrize("of", [0, 1], ids=["distance", "positions"])
def test_the_surface_is_held(dim, of, doubles):
    tank, x, _, _ = spoilt(dim)
    surface, start = tank.surface.distance, tank.particles.start
    kinds = tank.surface._kinds(tank.particles, tank.solids)

    def held(values):
        given = [surface, x]
        given[of] = values
        level = LevelSet(tank.grid, tank.grid.cells(surface))
        level.distance = levelset_torch.hold(given[0], given[1], start, *kinds, tank.grid, 0.3)
        level._continue_into(tank.solids)
        return (level.distance * smooth(5, 1, *surface.shape)[0]).sum()

    assert_slope(held, (surface, x)[of], 1e-5, 1e-7)


@DIMS
def test_the_volume(dim, doubles):
    tank = ragged(dim)
    held = tank.particles.held / 2**dim
    cells = tank.grid.cells(tank.surface.distance)
    assert_slope(lambda values: filled_as_defined(values, held, tank.solids), cells, 1e-5, 1e-7)


@DIMS
@pytest.mark.parametrize("of", ["velocity", "distance"])
def test_the_projection_with_a_surface_between_cells(dim, of, doubles):
    tank, _, _, flow = spoilt(dim)
    grid, solids, fluid = tank.grid, tank.solids, tank.fluid_cells()
    distance = grid.cells(tank.surface.distance)

    def projected(values):
        velocity, surface = (values, distance) if of == "velocity" else (flow, values)
        velocity = velocity.clone()
        interface = Interface.of(surface, fluid, grid)
        domain = FlowDomain(fluid, solids.open, solids.velocity, interface)
        projector = Projector(grid, 1000.0, registry.create("direct", {}), 1e-12)
        done = projector.project(velocity, domain, 0.01)
        return (
            velocity * smooth(6, *flow.shape)
        ).sum() + 1e-3 * done.pressure.square().sum() ** 0.5

    assert_slope(projected, flow if of == "velocity" else distance, 1e-5, 1e-7)


# Whole runs.


@pytest.mark.parametrize(
    ("flip", "name"),
    [
        (0.95, "positions"),
        pytest.param(None, "velocities", marks=pytest.mark.slow),
        pytest.param(None, "positions", marks=pytest.mark.slow),
        pytest.param(0.95, "velocities", marks=pytest.mark.slow),
        pytest.param(0.95, "surface", marks=pytest.mark.slow),
        pytest.param(None, "surface", marks=pytest.mark.slow),
    ],
)
def test_a_run_of_twenty_steps(flip, name, doubles):
    def end(values):
        return outcome(rollout(dam(2, flip), 20, 0.02, {name: values}).state)

    start = dam(2, flip).state()[name].clone()
    assert_slope(end, start, 1e-3, 1e-6)


def test_a_run_in_space(doubles):
    def end(values):
        return outcome(rollout(dam(3), 4, 0.02, {"positions": values}, segment=4).state)

    assert_slope(end, dam(3).state()["positions"].clone(), 1e-3, 1e-6)


@pytest.mark.slow
@TRANSFERS
@pytest.mark.parametrize("name", ["positions", "velocities"])
def test_a_run_of_twenty_steps_in_space(flip, name, doubles):
    def end(values):
        return outcome(rollout(dam(3, flip), 20, 0.02, {name: values}).state)

    assert_slope(end, dam(3, flip).state()[name].clone(), 1e-3, 1e-6)


def test_every_solver_gives_the_same_gradient(doubles):
    found = []
    for solver in SOLVERS:
        x = dam(2).state()["positions"].clone().requires_grad_()
        end = outcome(rollout(dam(2, solver=solver), 2, 0.02, {"positions": x}).state)
        found.append(torch.autograd.grad(end, x)[0])
    for other in found[:-1]:
        assert float((other - found[-1]).norm() / found[-1].norm()) < 1e-6


def test_doubles_without_a_gradient_are_the_recorded_numbers(doubles):
    ends = []
    for recorded in (False, True):
        x = dam(2).state()["positions"].clone().requires_grad_(recorded)
        ends.append(rollout(dam(2), 6, 0.02, {"positions": x}).state)
    for name in ("positions", "velocities", "surface"):
        assert float((ends[0][name] - ends[1][name].detach()).abs().max()) < 1e-12


@DIMS
def test_the_curvature(dim, doubles):
    grid = GRIDS[dim]
    centres = grid.cells(grid.cell_positions(CPU).movedim(-1, 0)).movedim(0, -1)
    middle, radius = torch.tensor((0.53, 0.31, 0.33)[:dim]), {2: 0.22, 3: 0.24}[dim]
    distance = (centres - middle).norm(dim=-1) - radius
    rise = 0.02 * smooth(4, 1, *grid.shape)[0]

    def bent(values):
        made = curvature(values, grid, rise)
        return (made * smooth(5, *made.shape)).sum()

    assert_slope(bent, distance + 0.001 * smooth(3, 1, *grid.shape)[0], 1e-5, 1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["positions", "surface"])
def test_a_run_with_surface_tension(name, doubles):
    def drop():
        ball = Sphere((0.62, 0.52), 0.27)
        return liquid(GRIDS[2], ball, gravity=0.0, rtol=1e-12, solver="direct", surface_tension=2.0)

    def end(values):
        return outcome(rollout(drop(), 10, 0.02, {name: values}).state)

    assert_slope(end, drop().state()[name].clone(), 1e-3, 1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["positions", "velocities"])
def test_a_viscous_run(name, doubles):
    def end(values):
        return outcome(rollout(dam(2, viscosity=20.0), 10, 0.02, {name: values}).state)

    assert_slope(end, dam(2).state()[name].clone(), 1e-4, 1e-6)


@DIMS
def test_the_stress_of_viscous_flow_is_as_defined(dim):
    grid = oblong(dim)
    solids = Solids(grid, [Sphere((0.5,) * dim, 0.25)], ["z+"], CPU)
    fluid = grid.cells(solids.solid) == 0
    strain = Strain.of(FlowDomain(fluid, solids.open, solids.velocity), solids, grid)
    operator = ViscousOperator(strain, 0.7, grid)
    x = random(1, len(operator.faces)).double()
    made = operator.apply(x)
    operator.plain = False
    torch.testing.assert_close(operator.apply(x), made)


@pytest.mark.parametrize(
    "of",
    [
        "gravity",
        "inflow",
        "viscosity",
        pytest.param("pull", marks=pytest.mark.slow),
        pytest.param("force", marks=pytest.mark.slow),
        pytest.param("tension", marks=pytest.mark.slow),
    ],
)
def test_numbers_of_the_scene(of, doubles):
    start = {
        "gravity": torch.tensor((1.0, -9.0)), "pull": torch.tensor(9.0),
        "inflow": torch.tensor((0.9, -0.2)), "force": torch.tensor((2.0, 1.0)),
        "viscosity": torch.tensor(30.0), "tension": torch.tensor(1.0),
    }[of]  # fmt: skip

    def end(values):
        more = {"gravity": values if of in ("gravity", "pull") else 9.81}
        if of == "tension":
            more["surface_tension"] = values
        if of == "viscosity":
            more["viscosity"] = values
        if of == "inflow":
            more["inflows"] = [Inflow(Box((0.1, 0.65), (0.25, 0.85)), values)]
        if of == "force":
            more["body_force"] = lambda points, time: values.expand(points.shape)
        made = rollout(dam(2, **more), 6, 0.02)
        return outcome(made.state) + made.state["surface"].square().sum()

    small = of in ("viscosity", "tension")  # slopes, for which the differences are rounded
    assert_slope(end, start, 1e-5, 1e-4 if small else 1e-6)


def test_particles_that_are_added_and_taken_away_are_held(doubles):
    def end(values):
        tank = dam(2)
        crowd = torch.cat((values, values[:40] + 0.01, values[60:61].expand(30, 2)))
        crowd = torch.cat((crowd[:40], crowd[56:]))
        tank.particles._put(crowd, torch.zeros_like(crowd))
        made = rollout(tank, 3, 0.02)
        assert tank.lost.added > 0 and tank.lost.removed > 0
        return outcome(made.state)

    assert_slope(end, dam(2).state()["positions"].clone(), 1e-3, 1e-7)


def test_segments_give_the_same_gradient_and_hold_less(doubles):
    found, held = [], []
    for segment in (9, 3):
        x = dam(2).state()["positions"].clone().requires_grad_()
        saved = []

        def keep(tensor, saved=saved):
            saved.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            end = outcome(rollout(dam(2), 9, 0.02, {"positions": x}, segment=segment).state)
        found.append(torch.autograd.grad(end, x)[0])
        held.append(sum(saved))
    assert torch.equal(*found)
    assert held[1] < 0.1 * held[0]


def test_the_simulation_goes_on_from_the_end():
    tanks = dam(2), dam(2)
    with torch.no_grad():
        rollout(tanks[0], 3, 0.02)
    x = dam(2).state()["positions"].clone().requires_grad_()
    outcome(rollout(tanks[1], 3, 0.02, {"positions": x}).state).backward()
    assert not any(each.requires_grad for each in tanks[1].state().values())
    for tank in tanks:
        tank.advance(0.02)
    torch.testing.assert_close(*(tank.particles.positions for tank in tanks), rtol=0, atol=1e-3)


def test_a_gradient_that_is_not_finite_names_its_stage_and_step(doubles):
    x = dam(2).state()["positions"].clone().requires_grad_()

    def loss(now):
        here = now.particles.positions
        return (here - here.detach()).sum().sqrt()

    made = rollout(dam(2), 3, 0.02, {"positions": x}, loss)
    with pytest.raises(SimulationError, match=r"stage '\w+' of the step at 0\.04 s"):
        made.observed[-1].backward()


def test_what_has_no_gradient_is_named():
    wanted = torch.tensor(0.3, requires_grad=True)
    column = Box((0.0, 0.0), (0.5, 0.5))
    with pytest.raises(ValueError, match="no gradient for the flip of a LiquidOptions"):
        LiquidOptions(flip=wanted)
    with pytest.raises(ValueError, match="no gradient for the density of a LiquidScene"):
        LiquidScene(size=(1.0, 1.0), liquid=column, density=wanted)
    for name in ("velocity", "time", "window"):
        values = dam(2).state()[name].double().requires_grad_()
        with pytest.raises(ValueError, match=f"no gradient for '{name}'"):
            rollout(dam(2), 1, 0.02, {name: values})
    ball = Sphere(torch.tensor((0.7, 0.3), requires_grad=True), 0.1)
    with pytest.raises(ValueError, match="no gradient for the solids of a LiquidScene"):
        LiquidScene(size=(1.0, 1.0), liquid=column, solids=[ball])
    for match, more in (("narrow band", {"narrow_band": 2}),):
        with pytest.raises(ValueError, match=match):
            rollout(dam(2, **more), 1, 0.02)
