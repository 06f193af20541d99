"""Solids on the grid: which faces they fix, how fast, and where liquid lets go of them."""

import pytest
import torch

from fluidsim.motion import Moving
from fluidsim.separation import closed_faces
from fluidsim.shapes import Box, HalfSpace, Sphere
from fluidsim.solids import Solids
from tests.fluidsim.worlds import CPU, cubic, liquid, oblong

DIMS = pytest.mark.parametrize("dim", [2, 3])


@DIMS
def test_fixed_faces_are_those_between_solid_and_other(dim):
    grid = oblong(dim)
    solids = Solids(grid, [Sphere(tuple(s / 2 for s in grid.extent), 0.3)], ["x-"], CPU)
    solid = grid.cells(solids.solid).bool()
    assert 0 < int(solid.sum()) < solid.numel()
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(solids.fixed, axis)
        inner = solid.narrow(axis, 0, n - 1) != solid.narrow(axis, 1, n - 1)
        assert torch.equal(faces.narrow(axis, 1, n - 1), inner)
        assert faces.select(axis, n).all()
        assert bool(faces.select(axis, 0).any()) == (axis != 0)


@DIMS
def test_a_rigid_motion_without_divergence_fills_its_faces(dim):
    grid = cubic(dim, 16)
    body = Moving(Sphere((0.5,) * dim, 0.25), (0.5,) * dim, (0.2, 0.1, -0.3)[:dim], spin=3.0)
    solids = Solids(grid, [body], [], CPU)
    solids.update(0.1)
    cells = grid.cells(solids.solid).bool()
    total = torch.zeros(grid.shape)
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(solids.velocity, axis)
        total += faces.narrow(axis, 1, n) - faces.narrow(axis, 0, n)
    assert float(total[cells].abs().max()) < 1e-5
    speed = body.velocity_at(grid.cell_positions(CPU), 0.1).abs().amax()
    assert 0 < solids.top_speed <= float(speed)


def test_unknown_side_is_refused():
    with pytest.raises(ValueError, match="no side"):
        Solids(cubic(2, 4), [], ["top"], CPU)


def hanging(dim):
    """A film of water under the ceiling, two cells thick."""
    grid = cubic(dim, 16)
    slab = Box((-1.0,) * dim, (2.0,) * (dim - 1) + (2.0,)) - HalfSpace(0.875)
    return liquid(grid, slab)


@DIMS
def test_a_film_under_the_ceiling_falls_freely(dim):
    water = hanging(dim)
    start = water.particles.positions[:, -1].mean() * water.grid.dx
    steps, dt = 20, 0.01
    for _ in range(steps):
        water.step(dt)
    fallen = float(start - water.particles.positions[:, -1].mean() * water.grid.dx)
    free = 9.81 * steps * dt * (steps + 1) * dt / 2
    assert fallen > 0.75 * free


@DIMS
def test_a_tank_at_rest_has_no_separating_face(dim):
    tank = liquid(cubic(dim, 12), HalfSpace(0.5), [Sphere((0.5,) * dim, 0.2)])
    for _ in range(10):
        tank.step(0.01)
        assert tank.pressure is not None
        velocity = torch.randn(tank.velocity.shape) * 1e-3
        closed = closed_faces(
            velocity, tank.pressure, tank.cells, tank.solids, tank.grid, 0.05 * 9810 / 12
        )
        assert torch.equal(closed, tank.solids.fixed)


@DIMS
def test_of_a_falling_film_only_the_faces_of_the_ceiling_come_free(dim):
    water = hanging(dim)
    water.step(0.01)
    assert water.pressure is not None
    down = -torch.ones_like(water.velocity)
    closed = closed_faces(down, water.pressure, water.cells, water.solids, water.grid, 1e9)
    assert not (closed & ~water.solids.fixed).any()
    free = water.solids.fixed & ~closed
    ceiling = water.grid.faces(free, water.grid.up)[..., -1]
    assert ceiling.all()
    assert int(free.sum()) == ceiling.numel()
