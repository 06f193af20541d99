"""Divergence, gradient and projection."""

import dataclasses

import pytest
import torch

import solvers
from fluidsim.flow import pressure
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.flux import (
    divergence,
    divergence_as_defined,
    subtract_gradient,
    subtract_gradient_as_defined,
)
from fluidsim.solid.shapes import Box, HalfSpace, Sphere
from fluidsim.solid.solids import Solids
from solvers import registry
from solvers.direct import Direct
from tests.fluidsim.worlds import CPU, cubic, filled, liquid, oblong

DIMS = pytest.mark.parametrize("dim", [2, 3])


def world(dim, open_sides=("x+",)):
    grid = oblong(dim)
    centre = tuple(side / 2 for side in grid.extent)
    solids = Solids(grid, [Sphere(centre, 0.25)], open_sides, CPU)
    generator = torch.Generator().manual_seed(3)
    fluid = (grid.cells(solids.solid) == 0) & (torch.rand(grid.shape, generator=generator) < 0.8)
    velocity = torch.randn(dim, *grid.nodes, generator=generator)
    return grid, solids, fluid, velocity


def project(velocity, fluid, solids, solver, rtol, dt=0.01, expansion=0.0):
    options = pressure.PressureOptions(registry.create(solver, {}), rtol, 1000.0)
    projector = pressure.Projector(solids.grid, options)
    return projector.project(velocity, filled(fluid, solids), dt, expansion)


def leaving(velocity, solids):
    everywhere = torch.ones(solids.grid.shape, dtype=torch.bool)
    return divergence(velocity, solids.open, solids.velocity, everywhere, solids.grid)


@DIMS
def test_divergence_and_gradient_are_adjoint(dim):
    """<p, div (open u)> = -<grad p, open u> for p = 0 outside the fluid."""
    grid, solids, fluid, velocity = world(dim)
    velocity = velocity.double()
    p = torch.randn(grid.shape, dtype=torch.float64) * fluid
    gradient = torch.zeros_like(velocity)
    subtract_gradient(gradient, -p, solids.open, 1.0, grid)
    left = float((p * leaving(velocity, solids)).sum())
    flux = velocity * solids.open
    right = -sum(float((grid.faces(gradient, a) * grid.faces(flux, a)).sum()) for a in range(dim))
    assert left == pytest.approx(right, rel=1e-12)


@DIMS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernels_do_what_the_definitions_say(dim, dtype):
    grid, solids, fluid, velocity = world(dim)
    velocity = velocity.to(dtype)
    fields = velocity, solids.open, torch.rand(velocity.shape), fluid
    torch.testing.assert_close(divergence(*fields, grid), divergence_as_defined(*fields, grid))
    p = torch.randn(grid.shape, dtype=torch.float64)
    expected = velocity.clone()
    subtract_gradient_as_defined(expected, p, solids.open, 1 / (3.0 * grid.dx), grid)
    subtract_gradient(velocity, p, solids.open, 3.0, grid)
    torch.testing.assert_close(velocity, expected)


@DIMS
def test_the_system_is_minus_divergence_of_gradient(dim):
    grid, solids, fluid, _ = world(dim)
    p = torch.randn(grid.shape, dtype=torch.float64) * fluid
    system = pressure.assemble(fluid, solids.open, grid, density=7.0)
    flow = torch.zeros(dim, *grid.nodes, dtype=torch.float64)
    subtract_gradient(flow, p, solids.open, 7.0, grid)
    expected = leaving(flow, solids) * fluid
    torch.testing.assert_close(system.apply(p), expected, rtol=1e-11, atol=1e-11)


@DIMS
@pytest.mark.parametrize("solver", ["cg", "amg", "direct"])
def test_projection_leaves_the_divergence_of_the_tolerance(dim, solver):
    _, solids, fluid, velocity = world(dim)
    velocity = velocity.double()
    before = (leaving(velocity, solids) * fluid).norm()
    done = project(velocity, fluid, solids, solver, 1e-9)
    after = (leaving(velocity, solids) * fluid).norm()
    assert float(after / before) < 1.01e-9
    assert done.max_divergence <= float(after) * 1.01


@DIMS
def test_projection_in_float32_reaches_rounding(dim):
    _, solids, fluid, velocity = world(dim)
    before = float((leaving(velocity, solids) * fluid).abs().max())
    project(velocity, fluid, solids, "cg", 1e-10)
    after = float((leaving(velocity, solids) * fluid).abs().max())
    assert after < 1e-5 * before


@DIMS
def test_closed_faces_keep_their_velocity(dim):
    _, solids, fluid, velocity = world(dim)
    kept = velocity.clone()
    project(velocity, fluid, solids, "cg", 1e-8)
    closed = solids.open == 0
    assert torch.equal(velocity[closed], kept[closed])
    assert not torch.equal(velocity, kept)


@DIMS
def test_expansion_is_the_divergence_left_in_the_fluid(dim):
    grid, solids, fluid, velocity = world(dim)
    velocity = velocity.double()
    fluid = grid.cells(solids.solid) == 0  # one component, open at one side
    project(velocity, fluid, solids, "cg", 1e-12, expansion=0.3)
    after = leaving(velocity, solids)[fluid]
    torch.testing.assert_close(after, torch.full_like(after, 0.3), rtol=0, atol=1e-8)


def test_closed_side_is_a_wall_and_open_side_is_not():
    grid = oblong(2)
    everything = torch.ones(grid.shape, dtype=torch.bool)
    for open_sides, floating in ((), 1), (("z+",), 0):
        solids = Solids(grid, [], open_sides, CPU)
        system = pressure.assemble(everything, solids.open, grid, 1.0)
        assert (system.face_weights[1][:, -1] > 0).all() == bool(open_sides)
        assert (system.face_weights[0][0] == 0).all()
        assert system.floating.count == floating


def test_solver_failure_is_loud():
    grid, solids, fluid, velocity = world(2)
    hopeless = registry.create("cg", {"max_iterations": 1})
    projector = pressure.Projector(grid, pressure.PressureOptions(hopeless, 1e-9, 1000.0))
    with pytest.raises(solvers.SolveError):
        projector.project(velocity, filled(fluid, solids), 0.01)


@DIMS
def test_setup_serves_until_a_cell_or_a_face_changes(dim):
    grid, solids, fluid, velocity = world(dim)
    counting = CountingSolver()
    CountingSolver.setups = 0
    projector = pressure.Projector(grid, pressure.PressureOptions(counting, 1e-9, 1000.0))
    opened, still = solids.open.clone(), solids.velocity
    expected = []
    for step, dt in enumerate((0.01, 0.02, 0.01)):
        if step == 2:
            fluid = fluid.clone()
            fluid[(0,) * dim] = ~fluid[(0,) * dim]
        again = velocity.clone()
        expected.append(projector.project(velocity.clone(), FlowDomain(fluid, opened, still), dt))
        alone = project(again, fluid, solids, "direct", 1e-9, dt)
        torch.testing.assert_close(expected[-1].pressure, alone.pressure, rtol=1e-7, atol=1e-7)
    assert counting.setups == 2
    assert expected[0].setup_seconds > 0 and expected[1].setup_seconds == 0
    opened *= 0.5  # in place, as moving solids do
    projector.project(velocity.clone(), FlowDomain(fluid, opened, still), 0.01)
    assert counting.setups == 3


def test_the_residual_of_a_frame_is_the_worst_of_its_steps(monkeypatch):
    tank = liquid(cubic(2, 8), Box((0.0, 0.0), (0.5, 0.7)), rtol=1e-4, cfl=0.05)
    residuals, project = [], tank._projector.project

    def noted(*arguments):
        done = project(*arguments)
        residuals.append(done.solution.relative_residual)
        return done

    monkeypatch.setattr(tank._projector, "project", noted)
    report = tank.advance(0.1)
    assert len(residuals) == report.substeps > 4
    assert report.relative_residual == max(residuals) > residuals[-1]


class NotingSolver(Direct):
    """Has something to say of every solve."""

    def solve(self, state, rhs, guess, rtol):
        return dataclasses.replace(super().solve(state, rhs, guess, rtol), notes="took a detour")


def test_what_a_solver_notes_is_reported_once_a_frame():
    tank = liquid(cubic(2, 8), HalfSpace(0.5), cfl=0.1)
    assert tank.advance(0.1).notes == ""
    tank._projector.solver = NotingSolver()
    tank._projector._prepared = None
    report = tank.advance(0.1)
    assert report.substeps > 1
    assert report.notes == "took a detour"


class CountingSolver(Direct):
    """Counts its setups."""

    setups = 0

    def setup(self, system):
        type(self).setups += 1
        return super().setup(system)


def test_a_box_along_the_grid_closes_the_faces_of_its_cells():
    grid = oblong(2)
    solids = Solids(grid, [Box((0.2, 0.3), (0.5, 0.6))], [], CPU)
    solid = grid.cells(solids.solid)
    assert int(solid.sum()) == 9
    for axis in range(2):
        inner = grid.faces(solids.open, axis).narrow(axis, 1, grid.shape[axis] - 1)
        assert int((inner == 0).sum()) == 3 * 4
        assert int((inner == 1).sum()) == inner.numel() - 3 * 4
