"""Which cells have a pressure, and where the flow stops."""

import pytest
import torch

from fluidsim.levelset import LevelSet
from fluidsim.shapes import HalfSpace
from fluidsim.solids import Solids
from tests.fluidsim.worlds import CPU, cubic, oblong


@pytest.mark.parametrize("dim", [2, 3])
def test_above_the_surface_only_lone_drops_have_a_pressure(dim):
    grid = cubic(dim, 8)
    surface, solids = LevelSet.of(HalfSpace(0.5), grid, CPU), Solids(grid, [], [], CPU)
    beside, drop = (3,) * (dim - 1) + (4,), (5,) * (dim - 1) + (6,)
    occupied = torch.zeros(grid.shape, dtype=torch.bool)
    occupied[..., :4] = True
    below = occupied.clone()
    occupied[beside] = occupied[drop] = True
    wet = surface.wet(occupied, None, solids)
    assert wet[drop] and not wet[beside] and torch.equal(wet & below, below)


@pytest.mark.parametrize("dim", [2, 3])
def test_at_a_wall_only_cells_beside_the_air_need_particles(dim):
    grid = cubic(dim, 8)
    surface, solids = LevelSet.of(HalfSpace(0.5), grid, CPU), Solids(grid, [], [], CPU)
    occupied = torch.zeros(grid.shape, dtype=torch.bool)
    wet = surface.wet(occupied, None, solids)
    assert wet[..., :3].all()
    assert not wet[0, ..., 3].any() and wet[(3,) * dim]
    pulled = torch.ones_like(occupied)
    assert not surface.wet(occupied, pulled, solids)[0, ..., :4].any()


@pytest.mark.parametrize("dim", [2, 3])
def test_the_flow_stops_at_closed_walls_and_beyond_the_grid_alone(dim):
    grid = oblong(dim)
    solids = Solids(grid, [], ["x+"], CPU)
    released = solids.open.clone()
    released[(0,) * (dim + 1)] = 1.0  # a wall that lets go
    velocity = torch.ones_like(released)
    solids.stop_at_walls(velocity, released)
    assert torch.equal(velocity == 0, solids.walls & (released == 0))
