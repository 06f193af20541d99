"""Divergence, gradient and projection."""

import pytest
import torch

import solvers
from fluidsim import pressure
from fluidsim.shapes import Box, Sphere
from fluidsim.solids import Solids
from solvers import registry
from tests.fluidsim.worlds import CPU, oblong

DIMS = pytest.mark.parametrize("dim", [2, 3])


def world(dim, open_sides=("x+",)):
    grid = oblong(dim)
    centre = tuple(side / 2 for side in grid.extent)
    solids = Solids(grid, [Sphere(centre, 0.25)], open_sides, CPU)
    generator = torch.Generator().manual_seed(3)
    fluid = (grid.cells(solids.solid) == 0) & (torch.rand(grid.shape, generator=generator) < 0.8)
    velocity = torch.randn(dim, *grid.nodes, generator=generator)
    solids.enforce(velocity, solids.fixed)
    return grid, solids, fluid, velocity


@DIMS
def test_divergence_and_gradient_are_adjoint(dim):
    """<p, div u> = -<grad p, u> for p = 0 outside the fluid and u = 0 on fixed faces."""
    grid, solids, fluid, velocity = world(dim)
    velocity = velocity.double()
    p = torch.randn(grid.shape, dtype=torch.float64) * fluid
    system = pressure.assemble(fluid, solids.fixed, grid, dt=1.0, density=1.0)
    gradient = torch.zeros_like(velocity)
    pressure.subtract_gradient(gradient, -p, system, grid)
    left = float((p * pressure.divergence(velocity, grid)).sum())
    right = -sum(
        float((grid.faces(gradient, a) * grid.faces(velocity, a)).sum()) for a in range(dim)
    )
    assert left == pytest.approx(right, rel=1e-12)


@DIMS
def test_the_system_is_minus_divergence_of_gradient(dim):
    grid, solids, fluid, _ = world(dim)
    p = torch.randn(grid.shape, dtype=torch.float64) * fluid
    system = pressure.assemble(fluid, solids.fixed, grid, dt=0.02, density=7.0)
    flow = torch.zeros(dim, *grid.nodes, dtype=torch.float64)
    pressure.subtract_gradient(flow, p, system, grid)
    expected = pressure.divergence(flow, grid) * fluid
    torch.testing.assert_close(system.apply(p), expected, rtol=1e-11, atol=1e-11)


@DIMS
@pytest.mark.parametrize("solver", ["cg", "amg", "direct"])
def test_projection_leaves_the_divergence_of_the_tolerance(dim, solver):
    grid, solids, fluid, velocity = world(dim)
    velocity = velocity.double()
    before = (pressure.divergence(velocity, grid) * fluid).norm()
    done = pressure.project(
        velocity, fluid, solids.fixed, grid, 0.01, 1000.0, registry.create(solver, {}), None, 1e-9
    )
    after = (pressure.divergence(velocity, grid) * fluid).norm()
    assert float(after / before) < 1.01e-9
    assert done.max_divergence <= float(after) * 1.01


@DIMS
def test_projection_in_float32_reaches_rounding(dim):
    grid, solids, fluid, velocity = world(dim)
    before = float((pressure.divergence(velocity, grid) * fluid).abs().max())
    cg = registry.create("cg", {})
    pressure.project(velocity, fluid, solids.fixed, grid, 0.01, 1000.0, cg, None, 1e-10)
    after = float((pressure.divergence(velocity, grid) * fluid).abs().max())
    assert after < 1e-5 * before


@DIMS
def test_fixed_faces_keep_their_velocity(dim):
    grid, solids, fluid, velocity = world(dim)
    kept = velocity.clone()
    cg = registry.create("cg", {})
    pressure.project(velocity, fluid, solids.fixed, grid, 0.01, 1000.0, cg, None, 1e-8)
    assert torch.equal(velocity[solids.fixed], kept[solids.fixed])
    assert not torch.equal(velocity, kept)


@DIMS
def test_expansion_is_the_divergence_left_in_the_fluid(dim):
    grid, solids, fluid, velocity = world(dim)
    velocity = velocity.double()
    fluid = grid.cells(solids.solid) == 0  # one component, open at one side
    cg = registry.create("cg", {})
    pressure.project(
        velocity, fluid, solids.fixed, grid, 0.01, 1000.0, cg, None, 1e-12, expansion=0.3
    )
    after = pressure.divergence(velocity, grid)[fluid]
    torch.testing.assert_close(after, torch.full_like(after, 0.3), rtol=0, atol=1e-8)


def test_closed_side_is_a_wall_and_open_side_is_not():
    grid = oblong(2)
    everything = torch.ones(grid.shape, dtype=torch.bool)
    for open_sides, floating in ((), 1), (("z+",), 0):
        solids = Solids(grid, [], open_sides, CPU)
        system = pressure.assemble(everything, solids.fixed, grid, 0.01, 1.0)
        assert (system.face_weights[1][:, -1] > 0).all() == bool(open_sides)
        assert (system.face_weights[0][0] == 0).all()
        assert system.floating.count == floating


def test_solver_failure_is_loud():
    grid, solids, fluid, velocity = world(2)
    solver = registry.create("cg", {"max_iterations": 1})
    with pytest.raises(solvers.SolveError):
        pressure.project(velocity, fluid, solids.fixed, grid, 0.01, 1000.0, solver, None, 1e-9)


def test_box_solid_fixes_the_faces_around_its_cells():
    grid = oblong(2)
    solids = Solids(grid, [Box((0.2, 0.3), (0.5, 0.6))], [], CPU)
    solid = grid.cells(solids.solid)
    assert int(solid.sum()) == 9
    inner = grid.faces(solids.fixed, 0)[1:-1].sum() + grid.faces(solids.fixed, 1)[:, 1:-1].sum()
    assert int(inner) == 4 * 3
