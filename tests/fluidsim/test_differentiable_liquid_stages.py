"""The stages of a liquid's step in torch: as the kernels, and their gradients against finite
differences in double precision."""

import pytest
import torch

from fluidsim.differentiable import rollout
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.interface import Interface
from fluidsim.flow.pressure import PressureOptions, Projector
from fluidsim.flow.strain import Strain
from fluidsim.flow.stress import ViscousOperator
from fluidsim.liquid import levelset_torch, transfer_torch
from fluidsim.liquid.curvature import curvature
from fluidsim.liquid.levelset import LevelSet
from fluidsim.liquid.volume import filled_as_defined
from fluidsim.solid.shapes import Sphere
from fluidsim.solid.solids import Solids
from solvers import registry
from tests.fluidsim.test_differentiable import assert_slope, smooth
from tests.fluidsim.test_differentiable_liquid import GRIDS, TRANSFERS, dam
from tests.fluidsim.worlds import CPU, oblong, ragged

DIMS = pytest.mark.parametrize("dim", [2, 3])


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
        projector = Projector(grid, PressureOptions(registry.create("direct", {}), 1e-12, 1000.0))
        done = projector.project(velocity, domain, 0.01)
        return (
            velocity * smooth(6, *flow.shape)
        ).sum() + 1e-3 * done.pressure.square().sum() ** 0.5

    assert_slope(projected, flow if of == "velocity" else distance, 1e-5, 1e-7)


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
