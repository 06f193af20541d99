"""Air that enters through open sides comes from rest: it brings no energy."""

import math

import pytest
import torch

from fluidsim.grid.grid import Grid
from fluidsim.smoke.entering import Suction, straightened
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.solid.boundary import Inlet
from fluidsim.solid.shapes import Sphere
from tests.fluidsim.test_differentiable import assert_slope, smooth
from tests.fluidsim.worlds import CPU, cubic, smoke

DIMS = pytest.mark.parametrize("dim", [2, 3])
STILL = SmokeOptions(weight=0.0, lift=0.0, vorticity=0.0, cooling=0.0)


def sides(dim, *names):
    return [name for name in names if dim == 3 or name[0] != "y"]


def everywhere(dim):
    return sides(dim, "x-", "x+", "y-", "y+", "z-", "z+")


def energy(room):
    return 0.5 * float(room.velocity.square().sum()) * room.grid.dx**room.grid.dim


@DIMS
@pytest.mark.parametrize("cfl", [2.0, 20.0])
def test_without_forces_the_energy_of_an_open_room_only_falls(dim, cfl):
    """With a pressure of 0 at the sides it grows to several times that of the start."""
    grid = cubic(dim, 16 if dim == 2 else 12)
    room = smoke(grid, open_sides=everywhere(dim), physics=STILL, rtol=1e-6, cfl=cfl)
    room.velocity.copy_(3 * smooth(1, dim, *grid.nodes))
    energies = []
    for _ in range(10):
        room.advance(0.1)
        energies.append(energy(room))
    assert energies == sorted(energies, reverse=True)
    assert energies[-1] < 0.2 * energies[0]


def test_a_hot_source_between_open_sides_does_not_make_a_storm():
    """With a pressure of 0 at the sides a wind blows through them at 6 s, of 18 J/(kg/m^3)."""
    grid = Grid((24, 36), 1 / 24)
    hot = Source(Sphere((0.5, 0.15), 0.12), roughness=0.0, temperature=250.0)
    physics = SmokeOptions(vorticity=0.0, cooling=2.0)
    room = smoke(
        grid, [hot], open_sides=["x-", "x+", "z+"], physics=physics, rtol=1e-5, solver="multigrid"
    )
    for _ in range(7):
        room.advance(1.0)
        assert 0.3 < energy(room) < 1.2


@pytest.mark.parametrize("dim", [2, 3])
def test_a_draught_in_a_chimney_has_the_speed_of_bernoulli(dim):
    """A force a over the height h: u = sqrt(2 a h) tanh(t sqrt(a / (2 h))); without a price for
    the speed of what enters u = a t. The flow goes on half a cell beyond both ends."""
    n, force = 16, 2.0

    def lift(points, time):
        return torch.tensor((0.0,) * (dim - 1) + (force,)).expand_as(points)

    grid = Grid((3,) * (dim - 1) + (n,), 1 / n)
    chimney = smoke(grid, open_sides=["z-", "z+"], physics=STILL, body_force=lift)
    height = 1 + 1 / n
    for _ in range(6):
        chimney.advance(0.5)
        faces = grid.faces(chimney.velocity, grid.up)
        rate = math.sqrt(force / (2 * height))
        expected = math.sqrt(2 * force * height) * math.tanh(rate * chimney.time)
        assert float(faces.min()) == pytest.approx(expected, rel=0.01)
        assert float(faces.max()) == pytest.approx(expected, rel=0.01)


@DIMS
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("cells", [0.5, 1.0, 2.0])
def test_drawn_in_air_has_the_pressure_of_bernoulli(dim, upper, cells):
    """In steps of one projection and in those of two, and at once."""
    n, speed = 8, 3.0
    names = ("x-", "x+")
    way = (speed if not upper else -speed,) + (0.0,) * (dim - 1)
    fan = Inlet(names[not upper], way)
    pipe = smoke(
        Grid((n,) + (3,) * (dim - 1), 1 / n), open_sides=[names[upper]], physics=STILL, inlets=[fan]
    )
    for _ in range(6):
        pipe.step(cells / n / speed)
        pressure = pipe.fields()["pressure"]
        torch.testing.assert_close(
            pressure, torch.full_like(pressure, -1.2 * speed**2 / 2), rtol=1e-6, atol=0
        )


def test_a_vortex_leaves_against_what_it_draws_in():
    """One of 3.8 m/s in a wind of 1 m/s: part of it flows back in, and then all is as before."""
    n = 32
    grid = cubic(2, n)
    tunnel = smoke(
        grid, physics=STILL, inlets=[Inlet("x-", (1.0, 0.0))], open_sides=["x+"], rtol=1e-6,
        solver="multigrid",
    )  # fmt: skip
    for axis in range(2):
        away = grid.face_positions(axis, CPU) - torch.tensor((0.6, 0.5))
        turn = 40 * (1 - away.square().sum(-1) / 0.3**2).clamp(min=0) ** 3
        own = turn * away[..., 0] if axis else 1 - turn * away[..., 1]
        grid.faces(tunnel.velocity, axis).copy_(grid.faces(own.expand(2, *grid.nodes), axis))
    begin, flowed_back = tunnel.speed(), 0.0
    energies = [energy(tunnel)]
    for _ in range(8):
        tunnel.advance(0.25)
        energies.append(energy(tunnel))
        flowed_back = min(flowed_back, float(tunnel.velocity[0, n].min()))
    assert begin > 3.5
    assert flowed_back < -0.2
    assert energies == sorted(energies, reverse=True)
    assert tunnel.speed() == pytest.approx(1.0, abs=0.02)


@DIMS
def test_a_plume_draws_in_air_alike_from_all_sides(dim):
    grid = Grid((16,) * (dim - 1) + (24,), 1 / 16)
    hot = Source(Sphere((0.5,) * (dim - 1) + (0.2,), 0.15), roughness=0.0, temperature=200.0)
    around = sides(dim, "x-", "x+", "y-", "y+")
    room = smoke(grid, [hot], open_sides=[*around, "z+"], rtol=1e-6)
    room.advance(1.0)
    area = grid.dx ** (dim - 1)
    drawn = []
    for axis in range(dim - 1):
        faces = grid.faces(room.velocity, axis)
        first, last = faces.select(axis, 0), faces.select(axis, grid.shape[axis])
        drawn += [area * float(first[..., :12].sum()), -area * float(last[..., :12].sum())]
    top = area * float(grid.faces(room.velocity, grid.up).select(grid.up, 24).sum())
    assert min(drawn) > 0.1 * top
    assert max(drawn) < 1.02 * min(drawn)


@DIMS
def test_only_what_enters_is_changed(dim):
    """A flow out of every side stays as it is, bit for bit; closed sides take no part."""
    grid = cubic(dim, 6)
    room = smoke(grid, open_sides=everywhere(dim))
    outwards = torch.randn(dim, *grid.nodes, generator=torch.Generator().manual_seed(0))
    for axis in range(dim):
        outwards[axis].select(axis, 0).abs_().neg_()
        outwards[axis].select(axis, 6).abs_()
    target = outwards.clone()
    Suction(outwards, room.solids, 0.1).act(target, 0.1)
    assert torch.equal(target, outwards)
    assert torch.equal(straightened(target, room.solids, 0.1), outwards)
    inwards, shut = -outwards, smoke(grid)
    assert straightened(inwards, shut.solids, 0.1) is inwards
    assert torch.equal(inwards, -outwards)


@DIMS
def test_entering_air_loses_its_speed_along_the_side(dim):
    """Behind the lower side of x, through which it enters by half a cell."""
    grid = cubic(dim, 6)
    room = smoke(grid, open_sides=["x-"])
    velocity = torch.ones(dim, *grid.nodes)
    expected = velocity.clone()
    expected[1:, 0] /= 1.5
    found = straightened(velocity, room.solids, 0.5 * grid.dx)
    assert torch.equal(grid.cells(found), grid.cells(expected))


@DIMS
def test_what_enters_has_a_gradient(dim, doubles):
    grid = Grid((5, 4, 6)[:dim], 0.1)
    solids = smoke(grid, open_sides=everywhere(dim)).solids
    weights = smooth(2, dim, *grid.nodes)

    def outcome(velocity):
        result = straightened(velocity, solids, 0.03)
        pushed = result.clone()
        Suction(result, solids, 0.03).act(pushed, 0.02)
        return (weights * pushed).sum()

    assert_slope(outcome, 2 * smooth(1, dim, *grid.nodes), 1e-6)
