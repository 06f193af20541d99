"""The kernel that continues fields does what the lists of its definition say."""

import pytest
import torch

from fluidsim.continuation import Continuation
from fluidsim.extrapolation import continue_change, continue_change_as_defined, extrapolate
from fluidsim.grid import Grid
from fluidsim.levels import KNOWN, OUTSIDE, UNKNOWN


@pytest.mark.parametrize("shape", [(9, 7), (1, 6), (6, 5, 7), (3, 1, 4)])
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_the_kernel_equals_the_lists(shape, share):
    grid = Grid(shape, 0.1)
    generator = torch.Generator().manual_seed(len(shape))
    chance = torch.rand((2, *grid.nodes), generator=generator)
    level = torch.full(chance.shape, UNKNOWN, dtype=torch.int8)
    level[chance < share] = KNOWN
    level[chance > 0.9] = OUTSIDE
    field = torch.randn(chance.shape, generator=generator)
    expected, levels = field.clone(), level.clone()
    Continuation.of(levels, 4, grid).apply(expected)
    extrapolate(field, level, 4, grid)
    assert torch.equal(level, levels)
    torch.testing.assert_close(field, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [(9, 7), (6, 5, 7)])
def test_the_kernel_that_continues_changes_equals_its_definition(shape):
    grid = Grid(shape, 0.1)
    generator = torch.Generator().manual_seed(len(shape))
    faces = (grid.dim, *grid.nodes)
    velocity, before = (torch.randn(faces, generator=generator) for _ in range(2))
    level = (torch.rand(faces, generator=generator) < 0.2).to(torch.int8) * KNOWN
    kept = torch.rand(faces, generator=generator) < 0.8
    cells = (torch.rand(shape, generator=generator) < 0.3).nonzero()
    expected, levels = velocity.clone(), level.clone()
    continue_change_as_defined(expected, before, levels, kept, cells, grid)
    assert not torch.equal(levels, level)
    continue_change(velocity, before, level, kept, cells, grid)
    assert torch.equal(level, levels)
    torch.testing.assert_close(velocity, expected, rtol=1e-6, atol=1e-6)


def test_a_field_that_is_known_nowhere_stays():
    grid = Grid((4, 5), 0.1)
    field = torch.randn((1, *grid.nodes))
    kept, level = field.clone(), torch.full(field.shape, UNKNOWN, dtype=torch.int8)
    extrapolate(field, level, 3, grid)
    assert torch.equal(field, kept)
    assert (level == UNKNOWN).all()
