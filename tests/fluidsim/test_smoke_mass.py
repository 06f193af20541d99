"""Where smoke is, and where it is not: solids, sides, mass."""

import pytest
import torch

from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.solid.boundary import Inlet
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, Cylinder, Sphere
from tests.fluidsim.worlds import CPU, cubic, smoke

DIMS = pytest.mark.parametrize("dim", [2, 3])
STILL = SmokeOptions(weight=0.0, lift=0.0, vorticity=0.0, cooling=0.0)


def mass(room):
    """Of the smoke outside of solids, in full cells."""
    return float((room.density * room.solids.room).sum())


@DIMS
def test_a_moving_sphere_pushes_smoke(dim):
    """Its front goes from 0.55 m to 0.75 m; the smoke in front of it ended at 0.6 m."""
    grid = cubic(dim, 20)
    start, path = (0.3,) + (0.5,) * (dim - 1), (1.0,) + (0.0,) * (dim - 1)
    ball = Moving(Sphere(start, 0.25), start, path)
    room = smoke(grid, solids=[ball], physics=STILL, rtol=1e-6)
    x = grid.cells(grid.cell_positions(CPU)[..., 0])
    axis = (slice(None), *(slice(8, 12),) * (dim - 1))
    slab = (x > 0.5) & (x < 0.6)
    room.density[axis][slab[axis]] = 1.0
    for _ in range(6):
        room.advance(1 / 30)
    ahead = (room.density * room.solids.room)[x > 0.65]
    assert float(ahead.sum()) > 0.05 * float(slab[axis].sum())


@DIMS
def test_smoke_does_not_pass_a_plate_of_two_cells(dim):
    grid = cubic(dim, 12)
    plate = Box((-1.0,) * (dim - 1) + (6 / 12,), (2.0,) * (dim - 1) + (8 / 12,))
    below = Cylinder((0.5,) * (dim - 1) + (0.1,), 0.25, 0.2)
    room = smoke(grid, [Source(below, temperature=400.0)], [plate], rtol=1e-6)
    for _ in range(20):
        room.advance(1 / 30)
    assert float(room.density[..., 5].max()) > 0.3  # it stands against the plate
    assert float(room.density[..., 8:].abs().max()) == 0


def ball(dim):
    return Sphere((0.56,) + (0.5,) * (dim - 2) + (0.5,), 0.15)


def blade(dim):
    axis = () if dim == 2 else ((0.0, 1.0, 0.0),)
    low, high = (0.25,) + (0.35,) * (dim - 2) + (0.45,), (0.75,) + (0.65,) * (dim - 2) + (0.58,)
    return Moving(Box(low, high), (0.5,) * dim, None, 4.0, *axis)


ROOMS = [
    (None, None), (None, "z+"), (ball, None), (ball, "z+"), (blade, "z+"),
    pytest.param(blade, None, marks=pytest.mark.slow),
]  # fmt: skip


@DIMS
@pytest.mark.parametrize(("solid", "side"), ROOMS)
def test_no_smoke_is_lost_or_made(dim, solid, side):
    """What was there, added, left and faded is what is there; none is negative.

    To rounding, but where a solid moves by most of a cell in a step on a coarse grid.
    """
    rounding = 1e-3 if solid is blade else 1e-5
    grid = cubic(dim, 24 if dim == 2 else 12)
    base = (0.5,) * (dim - 1) + (0.1 if side is None else 0.8,)
    plume = Source(Cylinder(base, 0.2, 0.15), temperature=300.0, until=0.3)
    physics = SmokeOptions(dissipation=0.0 if side is None else 0.5)
    solids = [] if solid is None else [solid(dim)]
    room = smoke(grid, [plume], solids, [side] if side else [], physics, 1e-6, 2.0, "multigrid")
    expected, left = 0.0, 0.0
    for _ in range(30):
        report = room.advance(1 / 30)
        expected += report.smoke_added - report.smoke_left - report.smoke_faded
        left += report.smoke_left
        assert room.smoke_mass() == pytest.approx(expected, rel=rounding)
        assert float(room.density.min()) >= 0
        assert float(room.density.max()) < 1.21  # the source flickers by a fifth
    assert mass(room) * grid.dx**dim == pytest.approx(expected, rel=max(rounding, 1e-4))
    assert (left > 0.01 * expected) == (side is not None)


@pytest.mark.slow
@DIMS
@pytest.mark.parametrize("solid", [None, ball, blade])
def test_smoke_keeps_its_mass_for_long(dim, solid):
    grid = cubic(dim, 64 if dim == 2 else 32)
    plume = Source(Cylinder((0.5,) * (dim - 1) + (0.1,), 0.12, 0.1), until=0.5)
    room = smoke(grid, [plume], [solid(dim)] if solid else [], rtol=1e-6, solver="multigrid")
    for _ in range(25):
        room.advance(1 / 40)
    before = room.smoke_mass()
    for _ in range(200):
        room.advance(1 / 40)
    assert room.smoke_mass() == pytest.approx(before, rel=1e-3)


@DIMS
def test_burning_makes_the_smoke_it_says(dim):
    grid = cubic(dim, 12)
    fire = Source(Sphere((0.5,) * dim, 0.2), density=0.0, temperature=300.0, fuel=0.5)
    room = smoke(grid, [fire], open_sides=["z+"], rtol=1e-6)
    expected = 0.0
    for _ in range(6):
        report = room.advance(1 / 30)
        assert report.smoke_burnt > 0
        expected += report.smoke_burnt - report.smoke_left
        assert room.smoke_mass() == pytest.approx(expected, rel=1e-4)


@DIMS
def test_wind_carries_the_smoke_out_at_an_open_side(dim):
    grid = cubic(dim, 12)
    blown = Inlet("x-", (1.0,) + (0.0,) * (dim - 1))
    room = smoke(grid, open_sides=["x+"], physics=STILL, inlets=[blown])
    room.scalars[0].fill_(1.0)
    room.velocity[0].fill_(1.0)
    full = mass(room)
    for left in (0.75, 0.5, 0.25):
        room.advance(0.25)
        assert mass(room) / full == pytest.approx(left, abs=0.03)
    room.advance(0.5)
    assert mass(room) < 1e-3 * full


@DIMS
@pytest.mark.parametrize("shift", [0.0, 0.021, 0.04])
def test_a_source_fills_its_volume_wherever_its_edge_lies_between_the_cells(dim, shift):
    """Also one that is thinner than a cell."""
    x = 0.4 + shift
    radius, thin = 0.2, 0.05
    volume = torch.pi * radius**2 if dim == 2 else torch.pi * radius**3 * 4 / 3
    plate = Box((0.2,) * (dim - 1) + (x,), (0.8,) * (dim - 1) + (x + thin,))
    for shape, amount in (Sphere((x,) * dim, radius), volume), (plate, thin * 0.6 ** (dim - 1)):
        room = smoke(cubic(dim, 12), [Source(shape, roughness=0.0)], physics=STILL)
        room.advance(0.01)
        assert mass(room) / 12**dim == pytest.approx(amount, rel=0.05)
        room.advance(0.01)
        assert mass(room) / 12**dim == pytest.approx(amount, rel=0.05)


@DIMS
def test_a_source_stops_at_its_time(dim):
    cells = Box((0.25,) * dim, (0.75,) * dim)
    puff = Source(cells, roughness=0.0, until=0.1)
    room = smoke(cubic(dim, 8), [puff], physics=SmokeOptions(0, 0, 0, dissipation=5.0))
    room.advance(0.1)
    assert float(room.density.max()) == 1.0
    room.advance(0.1)
    assert float(room.density.max()) == pytest.approx(0.6065, rel=1e-3)
