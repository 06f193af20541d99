"""Which cells have a pressure, and where the flow stops."""

import pytest
import torch

from fluidsim.liquid.levelset import LevelSet
from fluidsim.liquid.particles import SEEDED
from fluidsim.solid.shapes import HalfSpace
from fluidsim.solid.solids import Solids
from tests.fluidsim.worlds import CPU, cubic, oblong


@pytest.mark.parametrize("dim", [2, 3])
def test_above_the_surface_only_lone_drops_have_a_pressure(dim):
    grid = cubic(dim, 8)
    surface, solids = LevelSet.of(HalfSpace(0.5), grid, CPU), Solids(grid, [], [], CPU)
    beside, drop = (3,) * (dim - 1) + (4,), (5,) * (dim - 1) + (6,)
    held = torch.zeros(grid.shape, dtype=torch.int32)
    held[..., :4] = SEEDED[dim]
    below = held > 0
    held[beside] = held[drop] = 1
    wet = surface.wet(held, None, solids)
    assert wet[drop] and not wet[beside] and torch.equal(wet & below, below)


@pytest.mark.parametrize("dim", [2, 3])
def test_at_a_wall_only_cells_beside_the_air_need_particles(dim):
    grid = cubic(dim, 8)
    surface, solids = LevelSet.of(HalfSpace(0.5), grid, CPU), Solids(grid, [], [], CPU)
    none = torch.zeros(grid.shape, dtype=torch.int32)
    wet = surface.wet(none, None, solids)
    assert wet[..., :3].all()
    assert not wet[0, ..., 3].any() and wet[(3,) * dim]
    pulled = torch.ones_like(wet)
    assert not surface.wet(none, pulled, solids)[0, ..., :4].any()


@pytest.mark.parametrize("dim", [2, 3])
def test_mostly_solid_cells_have_a_pressure_when_particles_fill_them(dim):
    """Falling liquid fills what a floor leaves of them before any surface comes to their centre."""
    grid = cubic(dim, 8)
    solids = Solids(grid, [HalfSpace(0.34)], [], CPU)  # the centres of the third layer lie in it
    surface = LevelSet.of(HalfSpace(0.9), grid, CPU)
    grid.cells(surface.distance)[..., 2] = 0.5  # no surface came to them yet
    held = torch.zeros(grid.shape, dtype=torch.int32)
    held[..., 3:] = SEEDED[dim]
    floor = (3,) * (dim - 1) + (2,)
    assert (grid.cells(solids.cut)[..., 2] == 2).all()
    assert not surface.wet(held, None, solids)[..., 2].any()
    held[floor] = SEEDED[dim]
    assert surface.wet(held, None, solids)[floor]


@pytest.mark.parametrize("dim", [2, 3])
def test_the_flow_stops_at_closed_walls_and_beyond_the_grid_alone(dim):
    grid = oblong(dim)
    solids = Solids(grid, [], ["x+"], CPU)
    released = solids.open.clone()
    released[(0,) * (dim + 1)] = 1.0  # a wall that lets go
    velocity = torch.ones_like(released)
    solids.stop_at_walls(velocity, released)
    assert torch.equal(velocity == 0, solids.walls & (released == 0))
