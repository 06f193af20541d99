"""What solids that deform do to the flow."""

import math

import pytest
import torch

from fluidsim.grid.grid import Grid
from fluidsim.liquid.inflows import Inflow
from fluidsim.solid import animated, mesh
from fluidsim.solid.animated import AnimatedMesh
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import HalfSpace, Sphere
from fluidsim.solid.solids import Solids
from tests.fluidsim.moving_meshes import balls
from tests.fluidsim.worlds import CPU, cubic, liquid, smoke, volume_of

SECONDS = 0.1


def growing(folder, cells, more, dx, rate=1 / SECONDS, centre=(0.51, 0.52, 0.53)) -> AnimatedMesh:
    """A ball that grows from a radius in cells by so many `more`, from frame to frame."""
    radii = [(cells + number * more) * dx for number in range(2)]
    return AnimatedMesh(balls(folder, radii, [centre] * 2), rate=rate)


def blown_out(box) -> float:
    """The volume that leaves a box by its top in SECONDS, m^dim."""
    grid, volume = box.grid, 0.0
    while box.time < SECONDS - 1e-9:
        before = box.time
        box.advance(min(SECONDS - before, 0.5 * SECONDS))
        assert box.report.substeps == 1  # so that the flow at its end is that of all of it
        top = grid.faces(box.velocity, grid.up).select(grid.up, grid.shape[grid.up])
        volume += float(top.double().sum()) * grid.dx ** (grid.dim - 1) * (box.time - before)
    return volume


def share_moved(folder, dim, cells, n) -> float:
    """Of what a growing ball displaces, the part that leaves the room."""
    grid = cubic(dim, n)
    ball = growing(folder, cells, 1.0, grid.dx)
    room = smoke(grid, solids=[ball], open_sides=("z+",), cfl=100.0)
    displaced = held_by(ball, SECONDS, dim) - held_by(ball, 0.0, dim)
    return blown_out(room) / displaced


def held_by(ball, time, dim) -> float:
    """The volume of a mesh, m^dim, which is a little smaller than that of the ball."""
    points, areas, _ = ball.surface(time, time, 1.0, dim)
    return float((points * areas).sum()) / dim


@pytest.mark.parametrize("dim, cells, n", [(2, 3, 12), (2, 6, 20), (3, 3, 12)])
def test_a_growing_ball_moves_its_volume(tmp_path, dim, cells, n):
    assert share_moved(tmp_path, dim, cells, n) == pytest.approx(1, abs=0.025)


@pytest.mark.slow
@pytest.mark.parametrize("dim, cells, n", [(2, 12, 40), (2, 24, 72), (3, 6, 20), (3, 12, 40)])
def test_a_finer_one_moves_it_within_a_hundredth(tmp_path, dim, cells, n):
    assert share_moved(tmp_path, dim, cells, n) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("dim, n", [(2, 16), (3, 12)])
def test_a_ball_that_is_shifted_swells_nowhere(tmp_path, dim, n):
    grid = cubic(dim, n)
    centres = ((0.45, 0.5, 0.45), (0.51, 0.5, 0.47))
    folder = balls(tmp_path, (0.25, 0.25), centres)
    solids = Solids(grid, [AnimatedMesh(folder, rate=10)], [], CPU)
    solids.update(0.04)
    solids.update(0.07)
    assert solids.swelling is not None
    assert float(solids.swelling.abs().max()) < 1e-5 * 0.6 / grid.dx
    rigid = Solids(grid, [Moving(Sphere(centres[0][:: 4 - dim], 0.25), (0.0,) * dim)], [], CPU)
    assert rigid.swelling is None


@pytest.mark.parametrize("make", [smoke, liquid])
def test_a_ball_that_is_shifted_drives_the_flow_as_a_rigid_one(tmp_path, make, monkeypatch):
    monkeypatch.setattr(mesh, "SAMPLES", animated.SAMPLES)  # else their walls differ a little
    grid = cubic(2, 20)
    centres = ((0.45, 0.5, 0.45), (0.51, 0.5, 0.47))
    folder = balls(tmp_path, (0.2, 0.2), centres)
    first = mesh.Mesh(folder / "ball_001.obj", base=(0.45, 0.25), height=0.4)
    rigid = Moving(first, (0.45, 0.45), velocity=(0.6, 0.2))
    worlds = []
    for solid in (AnimatedMesh(folder, rate=10), rigid):
        filled = (HalfSpace(0.7),) if make is liquid else ()
        world = make(grid, *filled, solids=[solid], open_sides=("z+",))
        world.advance(SECONDS)
        worlds.append(world)
    flows = [world.velocity * (worlds[1].solids.open > 0) for world in worlds]
    assert float(flows[1].norm()) > 1
    assert float((flows[0] - flows[1]).norm() / flows[1].norm()) < 1e-4


@pytest.mark.parametrize(
    "dim, n, frames", [(2, 20, 6), pytest.param(3, 16, 6, marks=pytest.mark.slow)]
)
def test_a_ball_that_breathes_under_water_keeps_its_volume(tmp_path, dim, n, frames):
    radii = (0.16, 0.24, 0.16)
    ball = AnimatedMesh(balls(tmp_path, radii, [(0.51, 0.52, 0.3)] * 3), rate=10, loops=True)
    tank = liquid(cubic(dim, n), HalfSpace(0.65), solids=[ball])
    before, lowest = volume_of(tank), float(tank.solids.room.mean())
    tank.expansion = 0.0
    for _ in range(frames):
        tank.advance(0.05)
        lowest = min(lowest, float(tank.solids.room.mean()))
        assert volume_of(tank) == pytest.approx(before, rel=0.01)
        assert tank.holes() == 0
    assert lowest < 1 - 0.85 * (math.pi * 0.24**2 if dim == 2 else 4 / 3 * math.pi * 0.24**3)


def test_it_reaches_through_periodic_sides(tmp_path):
    grid = Grid((16, 16), 1 / 16, periodic=(0,))
    ball = growing(tmp_path, 3, 1.0, grid.dx, centre=(0.0, 0.5, 0.5))
    solids = Solids(grid, [ball], [], CPU)
    solids.update(0.5 * SECONDS)
    assert solids.swelling is not None
    torch.testing.assert_close(solids.room, solids.room.flip(0))
    swept = float(solids.swelling.sum()) + through_closed(solids)
    assert swept * grid.dx**2 == pytest.approx(2 * math.pi * 3.25 * grid.dx**2 * 10, rel=0.02)


def through_closed(solids: Solids) -> float:
    """Minus the flow through closed parts of the faces of cells with an open one, in cells a
    second."""
    grid, total = solids.grid, 0.0
    some = torch.zeros(grid.shape, dtype=torch.bool)
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(solids.open, axis) > 0
        some |= faces.narrow(axis, 0, n) | faces.narrow(axis, 1, n)
    for axis in range(grid.dim):
        carried = (1 - grid.faces(solids.open, axis)) * grid.faces(solids.velocity, axis)
        total -= float((torch.diff(carried, dim=axis) * some).sum()) / grid.dx
    return total


def test_a_part_inside_of_another_solid_moves_nothing(tmp_path):
    grid = cubic(2, 16)
    ball = growing(tmp_path, 3, 1.0, grid.dx)
    covered = Solids(grid, [ball, Sphere((0.51, 0.53), 0.4)], [], CPU)
    covered.update(0.5 * SECONDS)
    assert covered.swelling is not None and not covered.swelling.any()


def test_it_goes_on_bit_for_bit(tmp_path):
    ball = AnimatedMesh(balls(tmp_path, (0.16, 0.24), [(0.51, 0.52, 0.3)] * 2), rate=10, loops=True)
    tank, other = (liquid(cubic(2, 16), HalfSpace(0.6), solids=[ball]) for _ in range(2))
    tank.advance(0.07)
    other.restore({name: value.clone() for name, value in tank.state().items()})
    assert torch.equal(other.solids.swelling, tank.solids.swelling)
    for each in (tank, other):
        each.advance(0.07)
    for name, value in tank.state().items():
        assert torch.equal(value, other.state()[name]), name


def test_liquid_flows_in_with_the_surface_of_its_mesh(tmp_path):
    """A ball of inflow that grows pours what it grows by, outwards."""
    grid = cubic(2, 24)
    ball = AnimatedMesh(balls(tmp_path, (0.12, 0.22), [(0.5, 0.5, 0.5)] * 2), rate=10)
    box = liquid(
        grid, Sphere((0.5, 0.5), 0.12), inflows=[Inflow(ball)], gravity=0.0, open_sides=("z+",)
    )
    for _ in range(5):
        box.advance(0.02)
    fields = box.fields()
    box.advance(0.001)
    assert volume_of(box) == pytest.approx(math.pi * 0.22**2, rel=0.04)
    arms = fields["positions"] - 0.5
    outwards = (fields["velocities"] * arms).sum(1) / arms.norm(dim=1)
    rim = arms.norm(dim=1) > 0.15
    assert float(outwards[rim].mean()) == pytest.approx(1.0, rel=0.1)
    turning = Moving(Sphere((0.7, 0.5), 0.1), (0.5, 0.5), spin=2.0)
    stream = liquid(grid, Sphere((0.7, 0.5), 0.1), inflows=[Inflow(turning)], gravity=0.0)
    assert stream.sources is not None
    assert 0.6 <= stream.sources.top_speed(0.0, 0.01) < 0.9


def test_an_inflow_at_rest_needs_a_velocity():
    with pytest.raises(ValueError, match="an inflow whose shape rests needs a velocity"):
        Inflow(Sphere((0.5, 0.5), 0.1))
