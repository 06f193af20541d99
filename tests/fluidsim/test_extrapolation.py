"""The kernels that continue fields do what the lists of their definition say."""

import pytest
import torch

from fluidsim.flow.extrapolation import (
    KNOWN,
    OUTSIDE,
    UNKNOWN,
    Continuation,
    extrapolate,
    extrapolate_on_gpu,
)
from fluidsim.grid.grid import Grid


@pytest.mark.parametrize("shape", [(9, 7), (1, 6), (6, 5, 7), (3, 1, 4)])
@pytest.mark.parametrize("share", [0.02, 0.3])
@pytest.mark.parametrize("kernel", [extrapolate, extrapolate_on_gpu])
def test_the_kernels_equal_the_lists(shape, share, kernel):
    grid = Grid(shape, 0.1)
    generator = torch.Generator().manual_seed(len(shape))
    chance = torch.rand((2, *grid.nodes), generator=generator)
    level = torch.full(chance.shape, UNKNOWN, dtype=torch.int8)
    level[chance < share] = KNOWN
    level[chance > 0.9] = OUTSIDE
    field = torch.randn(chance.shape, generator=generator)
    expected, levels = field.clone(), level.clone()
    Continuation.of(levels, 4, grid).apply(expected)
    kernel(field, level, 4, grid)
    assert torch.equal(level, levels)
    torch.testing.assert_close(field, expected, rtol=1e-6, atol=1e-6)


def test_a_field_that_is_known_nowhere_stays():
    grid = Grid((4, 5), 0.1)
    field = torch.randn((1, *grid.nodes))
    kept, level = field.clone(), torch.full(field.shape, UNKNOWN, dtype=torch.int8)
    extrapolate(field, level, 3, grid)
    assert torch.equal(field, kept)
    assert (level == UNKNOWN).all()
