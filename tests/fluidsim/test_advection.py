"""The kernels of advection do what the torch expressions say."""

import pytest
import torch

from fluidsim.grid.grid import Grid
from fluidsim.smoke import advection_gpu, advection_kernels, advection_torch

SHAPES = [(9, 7), (1, 12), (5, 2, 8), (4, 1, 9)]
FORMS = [advection_kernels, advection_gpu]
AXES = [(shape, axis) for shape in SHAPES for axis in range(len(shape))]


def world(shape):
    """A grid, a flow of some cells a step, and displacements that leave the box."""
    grid = Grid(shape, 0.1)
    generator = torch.Generator().manual_seed(len(shape))
    fields = [2 * torch.randn((grid.dim, *grid.nodes), generator=generator) for _ in range(2)]
    return grid, *fields


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kernels", FORMS)
def test_traces(shape, kernels):
    grid, velocity, _ = world(shape)
    made = torch.zeros(2, *velocity.shape)
    for form, back in zip((kernels, advection_torch), made, strict=True):
        form.trace(velocity, back, grid, 0.3)
    torch.testing.assert_close(*made, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("step", ["carry", "carry_sharply"])
@pytest.mark.parametrize(("shape", "axis"), AXES)
@pytest.mark.parametrize("kernels", FORMS)
def test_interpolation(shape, axis, step, kernels):
    grid, field, back = world(shape)
    made = torch.zeros(2, *grid.nodes)
    for form, out in zip((kernels, advection_torch), made, strict=True):
        getattr(form, step)(field[0], back, out, axis, grid)
    assert float(made[1].abs().max()) > 0
    torch.testing.assert_close(*made, rtol=1e-4, atol=1e-4)
