"""The kernels of advection do what the torch expressions say."""

import pytest
import torch

from fluidsim import advection_kernels, advection_torch
from fluidsim.grid import Grid

SHAPES = [(9, 7), (1, 12), (5, 6, 8), (4, 1, 9)]
AXES = [(shape, axis) for shape in SHAPES for axis in range(-1, len(shape))]


def world(shape):
    """A grid, a flow of some cells a step, and displacements back and forth that leave the box."""
    grid = Grid(shape, 0.1)
    generator = torch.Generator().manual_seed(len(shape))
    fields = [2 * torch.randn((grid.dim, *grid.nodes), generator=generator) for _ in range(4)]
    rims = [0.0] * grid.dim, [float(shape[0])] + [1e9] * (grid.dim - 1)
    return grid, fields, rims


def both(step):
    """What the kernels and the definitions leave in the tensors that `step` makes and fills."""
    return step(advection_kernels), step(advection_torch)


@pytest.mark.parametrize("shape", SHAPES)
def test_traces(shape):
    grid, (velocity, *_), _ = world(shape)

    def step(form):
        made = torch.zeros(2, *velocity.shape)
        form.trace(velocity, *made, grid, 0.3)
        return made

    torch.testing.assert_close(*both(step), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_prediction_and_correction(shape, axis):
    grid, (field, back, forth, _), rims = world(shape)

    def step(form):
        made = torch.zeros(4, *grid.nodes)
        form.predict(field[0], back, made[:3], axis, rims, grid)
        form.correct(field[0], forth, made[:3], made[3], axis, rims, grid)
        return made

    kernels, defined = both(step)
    assert float(defined[3].abs().max()) > 0
    torch.testing.assert_close(kernels, defined, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_cubics(shape):
    grid, (field, back, *_), rims = world(shape)

    def step(form):
        out = torch.zeros(grid.nodes)
        form.carry_sharply(field[0], back, out, rims, grid)
        return out

    torch.testing.assert_close(*both(step), rtol=1e-4, atol=1e-4)
