"""Solids on the grid: which faces they fix, how fast, and where liquid lets go of them."""

import pytest
import torch

from fluidsim.liquid.separation import open_faces
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, HalfSpace, Sphere
from fluidsim.solid.solids import Solids
from tests.fluidsim.worlds import CPU, cubic, kinds_of, liquid, oblong

DIMS = pytest.mark.parametrize("dim", [2, 3])


@DIMS
def test_solid_cells_have_no_open_face_and_sides_are_walls_unless_open(dim):
    grid = oblong(dim)
    solids = Solids(grid, [Sphere(tuple(s / 2 for s in grid.extent), 0.3)], ["x-"], CPU)
    solid = grid.cells(solids.solid).bool()
    assert 0 < int(solid.sum()) < solid.numel()
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(solids.open, axis)
        for first in (0, 1):
            assert float(faces.narrow(axis, first, n)[solid].max()) == 0
        assert not faces.select(axis, n).any()
        assert bool(faces.select(axis, 0).all()) == (axis == 0)
    assert not ((grid.cells(solids.cut) > 0) & solid).any()


@DIMS
def test_open_parts_of_faces_cut_by_a_plane(dim):
    """A slope: exact in 2D and, but for rounding, in 3D, where it cuts squares along lines."""
    grid = cubic(dim, 10)
    angle = 0.5
    slope = Box((-5.0,) * dim, (5.0,) * (dim - 1) + (0.33,)).rotated(
        angle, (0.5,) * dim, (0.0, 1.0, 0.0)
    )
    solids = Solids(grid, [slope], ["x-", "x+", "y-", "y+", "z-", "z+"][-2 * dim :], CPU)
    samples = torch.linspace(0.005, 0.995, 100) * grid.dx
    for axis in range(dim):
        across = [k for k in range(dim) if k != axis]
        start = grid.positions((0.0,) * dim, CPU)
        offsets = torch.zeros(100 ** len(across), dim)
        offsets[:, across] = torch.cartesian_prod(*[samples] * len(across)).reshape(-1, len(across))
        faces = grid.faces(solids.open, axis)
        cut = ((faces > 0) & (faces < 1)).nonzero()
        assert len(cut) >= 5
        for place in cut[:: max(1, len(cut) // 40)]:
            points = start[tuple(place)] + offsets
            exact = float((slope.distance(points) > 0).float().mean())
            assert float(faces[tuple(place)]) == pytest.approx(exact, abs=0.012)


@DIMS
def test_room_in_cells_is_the_volume_outside(dim):
    n = 24
    ball = Sphere((0.52, 0.47, 0.5)[:dim], 0.31)
    solids = Solids(cubic(dim, n), [ball], [], CPU)
    volume = 1 - float(solids.room.double().mean())
    exact = 3.14159 * 0.31**2 if dim == 2 else 4 / 3 * 3.14159 * 0.31**3
    assert volume == pytest.approx(exact, rel=0.005)


@DIMS
def test_closed_parts_of_faces_have_the_volume_of_a_small_ball(dim):
    """So a ball of five cells is lifted by the weight of its volume; on average over its places."""
    n, radius, volumes = 24, 0.2, []
    grid = cubic(dim, n)
    for shift in torch.linspace(0, 1 / n, 9)[:-1].tolist():
        ball = Sphere((*(0.5,) * (dim - 1), 0.48 + shift), radius)
        closed = 1 - grid.faces(Solids(grid, [ball], [], CPU).open, grid.up)[..., 1:-1]
        volumes.append(float(closed.sum(dtype=torch.float64)) / n**dim)
    exact = 3.14159 * radius**2 if dim == 2 else 4 / 3 * 3.14159 * radius**3
    assert sum(volumes) / len(volumes) == pytest.approx(exact, rel=0.005)


@DIMS
@pytest.mark.parametrize("speed", [(0.0, 0.0, 0.0), (0.3, -0.2, 0.6)], ids=["still", "moving"])
def test_flow_inside_of_a_solid_slides_along_its_surface(dim, speed):
    """It goes as fast as the solid across its surface, and as the flow along it."""
    grid = cubic(dim, 16)
    ball = Sphere((0.5,) * dim, 0.3)
    solids = Solids(grid, [Moving(ball, (0.5,) * dim, speed[:dim])], [], CPU)
    flow = torch.zeros(dim, *grid.nodes)
    flow[:] = torch.tensor((0.7, -0.4, 0.5)[:dim]).view(-1, *(1,) * dim)
    uniform = flow.clone()
    solids.enforce(flow, solids.open)
    for axis in range(dim):
        points = grid.face_positions(axis, CPU)
        normal = torch.nn.functional.normalize(points - 0.5, dim=-1)
        depth = ball.distance(points)
        inside = (solids.open[axis] == 0) & ~solids.walls[axis] & (depth > -1.5 * grid.dx)
        assert int(inside.sum()) > 10
        through = sum((uniform[k] - speed[k]) * normal[..., k] for k in range(dim))
        expected = uniform[axis] - through * normal[..., axis]
        torch.testing.assert_close(flow[axis][inside], expected[inside], atol=0.06, rtol=0)
        outside = solids.open[axis] > 0
        assert torch.equal(flow[axis][outside], uniform[axis][outside])


@DIMS
def test_a_rigid_motion_fills_the_faces_near_the_body(dim):
    grid = cubic(dim, 16)
    body = Moving(Sphere((0.5,) * dim, 0.25), (0.5,) * dim, (0.2, 0.1, -0.3)[:dim], spin=3.0)
    solids = Solids(grid, [body], [], CPU)
    solids.update(0.1)
    for axis in range(dim):
        points = grid.face_positions(axis, CPU)
        near = body.distance(points, 0.1) < 0.25 * grid.dx
        expected = body.velocity_at(points, 0.1)[..., axis]
        torch.testing.assert_close(solids.velocity[axis][near], expected[near])
        partly = (solids.open[axis] < 1) & ~solids.walls[axis]
        assert not (partly & (solids.velocity[axis] == 0)).any()
    fastest = max(float(body.velocity_at(p, 0.1).norm(dim=-1).max()) for p in [points[near]])
    assert fastest <= solids.top_speed_during(0.1, 0.0) < 1.5 * fastest


def test_restored_solids_have_the_bound_of_their_speed_that_they_had():
    """It is that of the farthest point that the grid has ever seen of them."""
    bar = Moving(Box((0.45, 0.45), (0.55, 0.88)), (0.5, 0.5), spin=1.0)
    solids, again, fresh = (Solids(cubic(2, 12), [bar], [], CPU) for _ in range(3))
    solids.update(0.3)
    solids.update(0.7)
    again.restore(solids.state())
    fresh.update(0.7)
    bounds = [each.top_speed_during(0.7, 0.1) for each in (solids, again, fresh)]
    assert bounds[0] == bounds[1] > bounds[2]


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
    assert fallen > 0.7 * free


@DIMS
def test_a_tank_at_rest_has_no_separating_face(dim):
    tank = liquid(cubic(dim, 12), HalfSpace(0.5), [Sphere((0.5,) * dim, 0.2)])
    for _ in range(10):
        tank.step(0.01)
        assert tank.pressure is not None
        velocity = torch.randn(tank.velocity.shape) * 1e-3
        opened = open_faces(
            velocity, tank.pressure, kinds_of(tank), tank.solids, tank.grid, 0.05 * 9810 / 12
        )
        assert torch.equal(opened, tank.solids.open)


@DIMS
def test_of_a_falling_film_only_the_faces_of_the_ceiling_come_free(dim):
    water = hanging(dim)
    water.step(0.01)
    assert water.pressure is not None
    down = -torch.ones_like(water.velocity)
    opened = open_faces(down, water.pressure, kinds_of(water), water.solids, water.grid, 1e9)
    assert (opened >= water.solids.open).all()
    free = (water.solids.open == 0) & (opened > 0)
    ceiling = water.grid.faces(free, water.grid.up)[..., -1]
    assert ceiling.all()
    assert int(free.sum()) == ceiling.numel()
