"""The recorded forms of the flow's steps against their definitions and the plain steps."""

import pytest
import torch

from fluidsim.flow.flux import (
    divergence,
    divergence_as_defined,
    subtract_gradient,
    subtract_gradient_as_defined,
)
from fluidsim.grid.grid import Grid
from fluidsim.solid.boundary import Inlet
from fluidsim.solid.shapes import Box, Sphere
from fluidsim.solid.solids import Solids
from tests.fluidsim.test_differentiable import assert_same, slopes
from tests.fluidsim.worlds import CPU

GRIDS = [
    Grid((4, 5), 0.2),
    Grid((4, 5), 0.2, periodic=(0,)),
    Grid((3, 4, 5), 0.2),
    Grid((3, 4, 5), 0.2, periodic=(0, 2)),
]


def numbers(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_divergence(grid):
    fluid = numbers(0, *grid.shape) > 0.2
    inputs = [numbers(seed, grid.dim, *grid.nodes) for seed in (1, 2, 3)]
    forms = divergence, divergence_as_defined
    assert_same(
        *(slopes(lambda *each, f=form: (f(*each, fluid, grid),), *inputs) for form in forms)
    )


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_gradient_that_is_subtracted(grid):
    opened = (numbers(3, grid.dim, *grid.nodes) - 0.3).clamp(min=0)
    inputs = numbers(1, grid.dim, *grid.nodes), numbers(2, *grid.shape)

    def after(step, last):
        def function(velocity, impulse):
            changed = velocity.clone()
            step(changed, impulse, opened, last, grid)
            return (changed,)

        return function

    density = 1.3
    recorded = after(subtract_gradient, density)
    defined = after(subtract_gradient_as_defined, 1 / (density * grid.dx))
    assert_same(slopes(recorded, *inputs), slopes(defined, *inputs))


@pytest.mark.parametrize("dim", [2, 3])
def test_sides_stop_a_recorded_flow_as_any(dim):
    grid = Grid((5, 6, 7)[:dim], 0.2)
    inlet = Inlet("x-", (0.7, 0.1, 0.2)[:dim], Box((-1.0,) * dim, (0.5, 0.6, 0.6)[:dim]))
    world = Solids(grid, [Sphere((0.9,) * dim, 0.3)], ["z+"], CPU, inlets=[inlet])
    plain = numbers(1, dim, *grid.nodes).float()
    recorded = plain.clone().requires_grad_()
    world.stop_at_walls(plain, world.open)
    stopped = recorded.clone()
    world.stop_at_walls(stopped, world.open)
    assert torch.equal(stopped.detach(), plain)
    (gradient,) = torch.autograd.grad(stopped.sum(), recorded)
    assert torch.equal(gradient, (plain == recorded.detach()).float())
