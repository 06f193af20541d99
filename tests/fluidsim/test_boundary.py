"""Sides of the domain: walls that drag, slip or stick, and inlets and fans whose velocity holds."""

import pytest
import torch

from fluidsim import Inlet, LiquidScene, RunConfig, SmokeOptions, SmokeScene, Source, Wall
from fluidsim.flow.flux import divergence
from fluidsim.flow.viscosity import Viscosity
from fluidsim.grid.grid import Grid
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, HalfSpace, Sphere
from fluidsim.solid.solids import Solids
from fluidsim.timing import StageTimer
from fluidsim.verification.cavity import LEVEL, UPRIGHT
from tests.fluidsim.worlds import CPU, cubic, filled, liquid, oblong, smoke

DIMS = pytest.mark.parametrize("dim", [2, 3])


def still(viscosity):
    return SmokeOptions(weight=0, lift=0, vorticity=0, cooling=0, viscosity=viscosity)


def along_x(dim, speed=1.0):
    return (speed,) + (0.0,) * (dim - 1)


@DIMS
@pytest.mark.parametrize("depth", [0.0, 0.4])
def test_a_sliding_lid_moves_nothing_in_or_out(dim, depth):
    """`depth`: cells that it reaches into the row below. Of what leaves a cell by its faces the
    lid's part is none, at the walls that it passes through too."""
    grid = cubic(dim, 12)
    lid = Box((-9.0,) * (dim - 1) + (1 - (2 + depth) / 12,), (9.0,) * dim)
    solids = Solids(grid, [Moving(lid, (0.0,) * dim, along_x(dim))], [], CPU)
    still_air = torch.zeros_like(solids.velocity)
    fluid = grid.cells(solids.solid) == 0
    leak = divergence(still_air, solids.open, solids.velocity, fluid, grid)
    assert float(leak.abs().max()) < 1e-4
    assert float(solids.velocity.abs().max()) == 1.0


def cavity_error(n, lid_of_solid, cfl=1.0, seconds=16):
    """Greatest difference from the reference on the middle lines, of the lid's speed, at Re 100."""
    physics = still(1.2 / 100)
    if lid_of_solid:
        lid = Moving(Box((-99.0, 1.0), (99.0, 2.0)), (0.0, 1.0), (1.0, 0.0))
        flow = smoke(Grid((n, n + 2), 1 / n), (), [lid], (), physics, 1e-6, cfl, "multigrid")
    else:
        walls = {"z+": Wall(velocity=(1.0, 0.0))}
        flow = smoke(cubic(2, n), (), (), (), physics, 1e-6, cfl, "multigrid", walls)
    for _ in range(2 * seconds):
        flow.advance(0.5)
    worst = 0.0
    for axis, known in ((0, UPRIGHT), (1, LEVEL)):
        middle = flow.grid.faces(flow.velocity, axis)
        middle = middle[n // 2, :n] if axis == 0 else middle[:, n // 2]
        at = torch.arange(1, 16) * n // 16
        found = (middle[at - 1] + middle[at]) / 2
        worst = max(worst, float((found - torch.tensor(known)).abs().max()))
    return worst


@pytest.mark.slow
@pytest.mark.parametrize("lid_of_solid", [False, True])
def test_lid_driven_cavity(lid_of_solid):
    assert cavity_error(64, lid_of_solid) < 0.005


@DIMS
def test_a_wall_that_moves_shears_the_fluid_evenly(dim):
    """Couette's flow between a wall and one at rest, exact in one long step of viscosity."""
    grid = oblong(dim)
    sides = ["x-", "x+", "y-", "y+"][: 2 * (dim - 1)]
    solids = Solids(grid, [], sides, CPU, {"z+": Wall(velocity=along_x(dim, 2.0))})
    flow = grid.zeros(CPU, dim)
    fluid = torch.ones(grid.shape, dtype=torch.bool)
    acting = Viscosity(grid, 1.0, 1.0, 1e-12)
    for _ in range(3):
        flow[1:] = 0
        flow[0] = flow[0].mean(dim=tuple(range(dim - 1)), keepdim=True)
        acting.apply(flow, filled(fluid, solids), solids, 1e6)
    heights = (torch.arange(grid.shape[-1]) + 0.5) / grid.shape[-1]
    middle = grid.faces(flow, 0)[(grid.shape[0] // 2,) + (3,) * (dim - 2)]
    torch.testing.assert_close(middle, 2 * heights, atol=0.1, rtol=0)


@DIMS
def test_fluid_slips_along_a_wall_that_lets_it(dim):
    """A uniform flow along the walls is braked by those that stick and by no other."""
    grid = cubic(dim, 8)
    braked = []
    for slip in (True, False):
        names = ("y-", "y+", "z-", "z+")[-2 * (dim - 1) :]
        walls = {name: Wall(slip=slip) for name in names}
        solids = Solids(grid, [], ["x-", "x+"], CPU, walls)
        flow = grid.zeros(CPU, dim)
        grid.faces(flow, 0).fill_(1.0)
        fluid = torch.ones(grid.shape, dtype=torch.bool)
        Viscosity(grid, 0.1, 1.0, 1e-10).apply(flow, filled(fluid, solids), solids, 1.0)
        braked.append(float((grid.faces(flow, 0) - 1).abs().max()))
    assert braked[0] < 1e-6
    assert braked[1] > 0.5


def test_a_wall_drags_viscous_liquid():
    walls = {"z-": Wall(velocity=(1.0, 0.0))}
    tank = liquid(cubic(2, 12), HalfSpace(0.5), viscosity=500.0, walls=walls)
    for _ in range(5):
        tank.step(0.02)
    assert float(tank.velocity[0, 3:9, 0].min()) > 0.3


def test_walls_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="slips cannot drag"):
        Wall(velocity=(1.0, 0.0), slip=True)
    for walls, message in (
        ({"z+": Wall(velocity=(0.0, 1.0))}, "along itself"),
        ({"z+": Wall(velocity=(1.0,))}, "needs 2 components"),
        ({"x-": Wall()}, "x- is open"),
        ({"top": Wall()}, "no side 'top'"),
    ):
        with pytest.raises(ValueError, match=message):
            Solids(cubic(2, 8), [], ["x-"], CPU, walls)
    with pytest.raises(ValueError, match="needs a viscosity"):
        SmokeScene(size=(1.0, 1.0), walls={"z+": Wall(velocity=(1.0, 0.0))})
    with pytest.raises(ValueError, match="needs a viscosity"):
        LiquidScene(size=(1.0, 1.0), liquid=HalfSpace(0.5), walls={"z+": Wall((1.0, 0.0))})


@DIMS
def test_an_inlet_sends_in_what_it_says(dim):
    """Through a part of a side, past a ball: what leaves the box is what came in, and the smoke in
    it but for what its advection loses or makes."""
    grid = oblong(dim)
    half = Box((-1.0,) * dim, (9.0,) * (dim - 1) + (0.4501,))
    inlet = Inlet("x-", along_x(dim, 0.5), half, density=1.0, temperature=7.0)
    ball = Sphere((0.7,) * dim, 0.15)
    flow = smoke(grid, (), [ball], ["x+"], still(0.01), inlets=[inlet])
    area = 0.45 if dim == 2 else 0.45 * 1.4
    dt = 0.05
    for step in range(1, 6):
        flow.step(dt)
        out = float(grid.faces(flow.velocity, 0)[-1].double().sum()) * grid.dx ** (dim - 1)
        faces = float(grid.faces(flow.velocity, 0)[0].double().sum()) * grid.dx ** (dim - 1)
        assert faces == pytest.approx(0.5 * area, rel=0.15)
        assert out == pytest.approx(faces, rel=1e-5)
        let_in = float(flow.density.double().sum()) * grid.dx**dim
        assert let_in == pytest.approx(faces * dt * step, rel=0.15)
    ratio = flow.temperature[flow.density > 0.5] / flow.density[flow.density > 0.5]
    assert float(ratio.min()) == pytest.approx(7.0, rel=1e-3)


def channel(n, viscosity, length=5, fan=False):
    """Steady flow of a mean speed 1 m/s between plates, from a uniform inlet or fan."""
    wind = along_x(2)
    if fan:
        source = Source(Box((-1.0, -1.0), (2.1 / n, 9.0)), 0.0, 0.0, velocity=wind)
        given = {"sources": [source], "open_sides": ["x-", "x+"]}
    else:
        given = {"inlets": [Inlet("x-", wind)], "open_sides": ["x+"]}
    grid = Grid((length * n, n), 1 / n)
    flow = smoke(grid, physics=still(1.2 * viscosity), rtol=1e-6, solver="multigrid", **given)
    for _ in range(length):
        flow.advance(1.0)
    return flow


@pytest.mark.parametrize("fan", [False, True])
def test_flow_from_an_inlet_becomes_poiseuilles(fan):
    """Speed at the axis and pressure gradient of a developed flow, at steps of two cells."""
    n, viscosity = 12, 0.05
    flow = channel(n, viscosity, fan=fan)
    profile = flow.grid.faces(flow.velocity, 0)[7 * n // 2]
    z = (torch.arange(n) + 0.5) / n
    assert float(profile.mean()) == pytest.approx(1.0, abs=1e-4)
    torch.testing.assert_close(profile, 6 * z * (1 - z), atol=0.015, rtol=0)
    assert flow.pressure is not None
    rise = float(flow.pressure[4 * n].mean() - flow.pressure[3 * n].mean())
    assert rise == pytest.approx(-12 * 1.2 * viscosity, rel=0.02)


@DIMS
def test_a_fan_holds_its_speed_and_its_room_the_air(dim):
    """In a closed room: what it blows comes back to it, and nothing is compressed."""
    grid = cubic(dim, 16)
    fan = Source(Box((0.4,) * dim, (0.6,) * dim), 0.0, 0.0, velocity=along_x(dim, 2.0))
    room = smoke(grid, [fan], physics=still(0.0))
    for _ in range(3):
        room.step(0.02)
    middle = (8,) * dim
    assert float(room.velocity[0][middle]) == 2.0
    beyond = room.velocity[0][(10, *middle[1:])]
    assert float(beyond) > 0.3
    loss = divergence(room.velocity, room.solids.open, room.velocity, room.smoke_cells(), grid)
    assert float(loss.abs().max()) < 1e-4


def test_a_fan_stops_when_it_should():
    fan = Source(Box((0.4, 0.4), (0.6, 0.6)), 0.0, 0.0, velocity=(2.0, 0.0), until=0.05)
    room = smoke(cubic(2, 16), [fan], physics=still(0.0))
    room.advance(0.05)
    assert float(room.velocity[0, 8, 8]) == 2.0
    room.advance(0.05)
    assert float(room.velocity[0, 8, 8]) != 2.0


def test_flow_into_a_closed_room_is_refused_and_a_balanced_one_is_not():
    wind = Inlet("x-", (1.0, 0.0))
    with pytest.raises(ValueError, match="closed part of the domain"):
        smoke(cubic(2, 8), inlets=[wind])
    smoke(cubic(2, 8), inlets=[wind, Inlet("x+", (1.0, 0.0))])
    behind_a_door = Box((0.45, -1.0), (0.6, 2.0))
    with pytest.raises(ValueError, match="closed part of the domain"):
        smoke(cubic(2, 8), (), [behind_a_door], ["x+"], inlets=[wind])
    at_a_wall = Source(Box((-1.0, 0.3), (0.3, 0.7)), velocity=(1.0, 0.0))
    with pytest.raises(ValueError, match="closed part of the domain"):
        smoke(cubic(2, 8), [at_a_wall])


def test_inlets_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="no side 'left'"):
        Inlet("left", (1.0, 0.0))
    for inlet, message in (
        (Inlet("x-", (1.0,)), "needs 2 components"),
        (Inlet("x-", (1.0, 0.0), Sphere((9.0, 9.0), 0.1)), "no face of the side x-"),
    ):
        with pytest.raises(ValueError, match=message):
            smoke(cubic(2, 8), inlets=[inlet])


def test_a_scene_takes_them(machine):
    scene = SmokeScene(
        size=(1.0, 1.0),
        inlets=[Inlet("x-", lambda points: torch.ones_like(points), density=1.0)],
        open_sides=["x+"],
        walls={"z+": Wall(velocity=(1.0, 0.0))},
        physics=SmokeOptions(viscosity=0.1),
    )
    flow = scene.simulate(RunConfig("x", dim=2, resolution=8), machine, StageTimer(machine.device))
    assert flow.top_speed(0.0) == 1.0
    flow.advance(0.1)
    assert float(flow.velocity[0, 0, 3]) == 1.0
