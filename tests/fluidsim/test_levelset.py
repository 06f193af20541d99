"""Which cells have a pressure, and where the flow stops."""

import pytest
import torch

from fluidsim.liquid.gaps import close_gaps
from fluidsim.liquid.levelset import LevelSet
from fluidsim.liquid.particles import SEEDED
from fluidsim.liquid.wet import wet_as_defined
from fluidsim.solid.shapes import HalfSpace
from fluidsim.solid.solids import Solids
from tests.fluidsim.worlds import CPU, cubic, oblong, ragged


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
def test_the_kernels_find_wet_cells_as_they_are_defined(dim):
    tank = ragged(dim)
    generator = torch.Generator().manual_seed(2)
    for _ in range(4):
        held = tank.particles.held * torch.randint(0, 2, tank.grid.shape, generator=generator)
        pulled = torch.rand(tank.grid.shape, generator=generator) < 0.3
        for last in (None, pulled):
            state = tank.surface.distance, held.int(), last, tank.solids
            wet = tank.surface.wet(*state[1:])
            assert torch.equal(wet, wet_as_defined(*state)) and wet.any()


@pytest.mark.parametrize("dim", [2, 3])
def test_a_gap_is_closed_whichever_face_it_is(dim):
    """Each face of a cell at the floor but that on the floor itself."""
    grid = cubic(dim, 6)
    solids = Solids(grid, [], [], CPU)
    fluid = torch.zeros(grid.shape, dtype=torch.bool)
    cell = (2,) * (dim - 1) + (0,)
    fluid[cell] = True
    for axis in range(dim):
        for side in (0, 1):
            face = list(cell)
            face[axis] += side
            velocity, weights = torch.ones(2, dim, *grid.nodes)
            weights[axis][tuple(face)] = velocity[axis][tuple(face)] = 0.0
            on_floor = axis == grid.up and side == 0
            assert close_gaps(velocity, fluid, weights, solids) != on_floor
            assert velocity[axis][tuple(face)] == (0.0 if on_floor else 1.0)


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
