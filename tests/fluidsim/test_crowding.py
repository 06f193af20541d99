"""Particles that find no room in their cell: where they go, and where they may not."""

import pytest
import torch

from fluidsim.grid import sorting
from fluidsim.liquid.crowding import spread
from fluidsim.solid.shapes import Box
from fluidsim.solid.solids import Solids
from tests.fluidsim.worlds import CPU, cubic

DIMS = pytest.mark.parametrize("dim", [2, 3])
MOST, FULL = 12, 8


def middle(dim):
    return (3,) * dim


def crowd(grid, cell, number):
    """Positions of a number of particles in a cell."""
    generator = torch.Generator().manual_seed(3)
    return torch.rand(number, grid.dim, generator=generator) + torch.tensor(cell)


def spread_out(positions, solids):
    """Particles of each cell (*shape) after a `spread`, and whether there was one."""
    grid = solids.grid
    key = sorting.cells_of(positions, grid.strides)
    counts = torch.empty(grid.node_count + 1, dtype=torch.int32)
    sorting.count(key, counts)
    done = spread(positions, key, counts, solids, MOST, FULL)
    assert torch.equal(key, sorting.cells_of(positions, grid.strides))
    sorting.count(key, counts)
    return grid.cells(counts[:-1].view(grid.nodes)), done


@DIMS
def test_a_cell_with_room_stays_as_it_is(dim):
    grid = cubic(dim, 7)
    positions = crowd(grid, middle(dim), MOST)
    before = positions.clone()
    _, done = spread_out(positions, Solids(grid, [], [], CPU))
    assert not done
    assert torch.equal(positions, before)


@DIMS
def test_what_is_too_much_closes_holes_before_it_enters_the_air(dim):
    grid = cubic(dim, 7)
    beside = [list(middle(dim)) for _ in range(2)]
    beside[0][0] -= 1
    beside[1][0] += 1
    full, sparse = crowd(grid, beside[0], FULL), crowd(grid, beside[1], 3)
    crowded = crowd(grid, middle(dim), MOST + FULL + 2)
    positions = torch.cat((crowded, full, sparse))
    held, _ = spread_out(positions, Solids(grid, [], [], CPU))
    assert int(held[middle(dim)]) == MOST
    assert int(held[tuple(beside[0])]) == FULL
    assert int(held.sum()) == len(positions)
    assert int(held[tuple(beside[1])]) == FULL  # of the FULL + 2, it takes FULL - 3
    assert sorted(held[held > 0].tolist()) == [5, FULL, FULL, MOST]
    off = (positions[: len(crowded)] - crowd(grid, middle(dim), len(crowded))).abs()
    moved = off.sum(1) > 0.5
    assert int(moved.sum()) == FULL + 2
    torch.testing.assert_close(off[moved].sum(1), torch.ones(FULL + 2), atol=1e-5, rtol=0)


@DIMS
def test_nothing_leaves_the_domain_or_enters_a_solid(dim):
    grid = cubic(dim, 7)
    upper = tuple((1 if axis == 0 else 7) * grid.dx for axis in range(dim))
    solids = Solids(grid, [Box((-1.0,) * dim, upper)], [], CPU)  # cells with a first index of 0
    corner = (1,) + (0,) * (dim - 1)
    positions = crowd(grid, corner, 200)
    held, _ = spread_out(positions, solids)
    assert int(held[0].sum()) == 0
    assert int(held.sum()) == 200
    # Of the 2 dim cells beside it one is solid, and dim - 1 do not exist.
    assert int((held > 0).sum()) == 1 + dim
    assert ((positions > 0) & (positions < 7)).all()
