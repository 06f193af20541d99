"""Smoke in domains whose ends meet."""

import dataclasses
import math

import pytest
import torch

from fluidsim.flow.flux import subtract_gradient, subtract_gradient_as_defined
from fluidsim.flow.strain import Strain
from fluidsim.flow.stress import ViscousOperator
from fluidsim.grid.grid import Grid
from fluidsim.grid.halo import Halo
from fluidsim.scene.probes import Gauges, PressureProbe
from fluidsim.scene.scene import LiquidScene, SmokeScene
from fluidsim.smoke.confinement import acceleration, acceleration_as_defined
from fluidsim.smoke.options import SmokeOptions, Source
from fluidsim.smoke.smoke import Smoke
from fluidsim.solid.boundary import Inlet, Wall, periodic_axes
from fluidsim.solid.images import Image, repeated
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, Sphere
from fluidsim.solid.solids import Solids
from tests.fluidsim.worlds import CPU, filled, smoke

IDEAL = SmokeOptions(weight=0.0, lift=0.0, vorticity=0.0, cooling=0.0)
RINGS = [(2, (0,)), (2, (0, 1)), (3, (0,)), (3, (0, 2))]


def room(dim: int, periodic: tuple[int, ...], shift: int = 0, **physics) -> Smoke:
    """Smoke that rises past a ball, both across the seam, and a fan; all of it shifted by cells."""
    n = 20 if dim == 2 else 10
    grid = Grid((n, n + 3, n + 2)[:dim], 1 / n, periodic)

    def at(x: float, z: float) -> tuple[float, ...]:
        return ((x + shift / n) % 1.0, *(0.45,) * (dim - 2), z)

    sources = [
        Source(Sphere(at(0.95, 0.25), 0.16), temperature=200.0, roughness=0.0),
        Source(Sphere(at(0.4, 0.3), 0.12), velocity=(0.5,) + (0.0,) * (dim - 1), roughness=0.0),
    ]
    body = Moving(
        Sphere(at(0.93, 0.65), 0.14), at(0.93, 0.65), velocity=(0.4,) + (0.0,) * (dim - 1)
    )
    return smoke(
        grid, sources, [body, Sphere(at(0.45, 0.6), 0.13)], physics=SmokeOptions(**physics),
        solver="direct", rtol=1e-9,
    )  # fmt: skip


def twice_stored_faces_agree(flow: Smoke) -> bool:
    faces = [flow.grid.faces(flow.velocity, axis).movedim(axis, 0) for axis in range(flow.grid.dim)]
    return all(torch.equal(faces[axis][0], faces[axis][-1]) for axis in flow.grid.periodic)


@pytest.mark.parametrize(("dim", "periodic"), RINGS)
@pytest.mark.parametrize("viscosity", [0.0, 0.01])
def test_a_run_that_is_shifted_along_the_ring_gives_the_same_shifted(dim, periodic, viscosity):
    first, second = (room(dim, periodic, shift, viscosity=viscosity) for shift in (0, 7))
    balance = 0.0
    for _ in range(3):
        first.advance(0.05)
        second.advance(0.05)
        balance += second.report.smoke_added
        assert twice_stored_faces_agree(first) and twice_stored_faces_agree(second)
    assert float(first.density.max()) > 0.5 and float(first.density[0].max()) > 0.1
    assert (first.density.roll(7, 0) - second.density).abs().max() < 1e-4
    assert second.smoke_mass() == pytest.approx(balance, rel=1e-6)
    speeds = []
    for flow in (first, second):  # faces that solids close are of no account
        opened = flow.grid.faces(flow.solids.open, dim - 1) > 0
        speeds.append(flow.grid.faces(flow.velocity, dim - 1) * opened)
    assert float(speeds[0].abs().max()) > 0.2
    assert (speeds[0].roll(7, 0) - speeds[1]).abs().max() < 1e-4
    assert first.force_on_solids() == pytest.approx(second.force_on_solids(), abs=1e-4)


def vortices(n: int, periodic: tuple[int, ...], wind: tuple[float, float]) -> Smoke:
    """An array of vortices that a wind carries, and smoke between them."""
    grid = Grid((n, n), 1 / n, periodic)
    flow = smoke(grid, physics=IDEAL, solver="direct")
    for axis in (0, 1):
        x, z = (2 * math.pi * part for part in grid.face_positions(axis, CPU).movedim(-1, 0))
        swirl = x.sin() * z.cos() if axis == 0 else -x.cos() * z.sin()
        flow.velocity[axis].copy_(swirl + wind[axis])
    x, z = (2 * math.pi * (part - 0.3) for part in grid.cell_positions(CPU).movedim(-1, 0))
    flow.density.copy_(grid.cells(torch.exp(x.cos() + z.cos())))
    return flow


def energy(flow: Smoke, wind: tuple[float, float] = (0.0, 0.0)) -> float:
    parts = (flow.grid.faces(flow.velocity, k).narrow(k, 1, flow.grid.shape[k]) for k in (0, 1))
    return sum(float((u - w).double().square().sum()) for u, w in zip(parts, wind, strict=True))


def test_taylor_green_keeps_its_energy_as_in_the_closed_box():
    left = []
    for periodic in ((), (0, 1)):
        flow = vortices(48, periodic, (0.0, 0.0))
        before = energy(flow)
        flow.advance(0.5)
        left.append(energy(flow) / before)
    assert left[1] > left[0] - 1e-3 and 0.98 < left[1] < 1.001


def test_a_vortex_array_carried_around_returns_to_second_order_and_smoke_keeps_its_mass():
    errors, sizes = [], (24, 48)
    for n in sizes:
        flow = vortices(n, (0, 1), (1.0, 0.0))
        start, mass, strength = flow.velocity.clone(), flow.smoke_mass(), energy(flow, (1.0, 0.0))
        for _ in range(4):
            flow.advance(0.25)
        flow.velocity -= start
        errors.append(math.sqrt(energy(flow) / strength))
        assert flow.smoke_mass() == pytest.approx(mass, rel=1e-6)
        assert flow.report.smoke_left == 0
    assert errors[1] < 0.03
    assert math.log2(errors[0] / errors[1]) > 1.9


def test_a_body_force_drives_poiseuille_flow_around_without_a_pressure():
    def push(points, time):
        return torch.ones_like(points) * points.new_tensor((4.0, 0.0))

    n, drag = 32, 0.4
    grid = Grid((4, n), 1 / n, (0,))
    physics = dataclasses.replace(IDEAL, viscosity=1.2 * drag)
    flow = smoke(grid, physics=physics, cfl=8.0, solver="direct", body_force=push)
    flow.advance(2.0)
    height = (torch.arange(n) + 0.5) / n
    exact = 4 * height * (1 - height) / (2 * drag)
    error = flow.grid.faces(flow.velocity, 0) - exact
    assert error.abs().max() < 0.003 * exact.max()
    assert flow.pressure.abs().max() < 1e-4


def test_walls_of_a_ring_drag_the_flow_with_them():
    """Couette flow between walls that close the other axis."""
    grid = Grid((24, 5), 1 / 24, (1,))
    walls = {"x-": Wall(velocity=(0.0, -1.0)), "x+": Wall(velocity=(0.0, 1.0))}
    physics = dataclasses.replace(IDEAL, viscosity=1.2)
    flow = smoke(grid, physics=physics, walls=walls, solver="direct")
    for _ in range(8):
        flow.advance(0.25)
    x = (torch.arange(24) + 0.5) / 24
    assert (grid.faces(flow.velocity, 1) - (2 * x - 1)[:, None]).abs().max() < 1e-4


@pytest.mark.parametrize(("dim", "periodic"), RINGS)
def test_viscous_operator_is_symmetric_and_sees_no_translation(dim, periodic):
    grid = Grid((7, 5, 4)[:dim], 0.1, periodic)
    solids = Solids(grid, [Sphere((0.65, 0.2, 0.2)[:dim], 0.12)], [], CPU)
    fluid = grid.cells(solids.solid) == 0
    operator = ViscousOperator(Strain.of(filled(fluid, solids), solids, grid), 2.0, grid)
    unit = torch.eye(len(operator.faces), dtype=torch.float64)
    matrix = torch.stack([operator.apply(column) for column in unit])
    assert (matrix - matrix.T).abs().max() < 1e-12
    assert matrix.diagonal() == pytest.approx(operator.diagonal(), rel=1e-5)
    empty = Solids(grid, [], [], CPU)
    everywhere = filled(torch.ones(grid.shape, dtype=torch.bool), empty)
    operator = ViscousOperator(Strain.of(everywhere, empty, grid), 2.0, grid)
    uniform = torch.zeros((dim, *grid.nodes))
    uniform[periodic[0]] = 1.0
    if len(periodic) == dim:
        x = operator.gather(uniform)
        assert (operator.apply(x) - operator.mass * x).abs().max() < 1e-12


def test_resumed_run_repeats_bit_for_bit():
    straight, resumed = room(2, (0,), viscosity=0.01), room(2, (0,), viscosity=0.01)
    straight.advance(0.05)
    resumed.restore({name: values.clone() for name, values in straight.state().items()})
    for flow in (straight, resumed):
        flow.advance(0.05)
    ours, theirs = straight.state(), resumed.state()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("periodic", [(0,), (1,), (0, 1, 2)])
def test_kernels_do_what_is_defined(periodic):
    grid = Grid((5, 4, 6), 0.1, periodic)
    random = torch.Generator().manual_seed(0)
    velocity = torch.rand((3, *grid.nodes), generator=random)
    grid.join(velocity)
    opened = (torch.rand((3, *grid.nodes), generator=random) - 0.3).clamp(min=0)
    grid.join(opened)
    impulse = torch.rand(grid.shape, generator=random, dtype=torch.float64)
    ours, defined = velocity.clone(), velocity.clone()
    subtract_gradient(ours, impulse, opened, 2.0, grid)
    subtract_gradient_as_defined(defined, impulse, opened, 1 / (2.0 * grid.dx), grid)
    torch.testing.assert_close(ours, defined)
    halo = Halo.around(grid, 1.5)
    wide = halo.widen(velocity)
    assert halo.width == 5 and wide.shape[1:] == halo.wide.nodes
    assert torch.equal(grid.cells(halo.crop(wide)), grid.cells(velocity))
    forces = [find(wide, 0.3, halo.wide) for find in (acceleration, acceleration_as_defined)]
    torch.testing.assert_close(halo.crop(forces[0]), halo.crop(forces[1]), rtol=1e-4, atol=1e-5)


def test_shapes_and_bodies_recur_with_each_period():
    grid = Grid((10, 10), 0.1, (0,))
    ball = repeated(Sphere((0.05, 0.5), 0.1), grid)
    points = torch.tensor([[0.95, 0.5], [0.05, 0.5], [0.5, 0.95]])
    expected = [0.0, -0.1, math.hypot(0.45, 0.45) - 0.1]
    assert ball.distance(points) == pytest.approx(torch.tensor(expected), abs=1e-6)
    wheel = Moving(Sphere((0.9, 0.5), 0.1), (0.9, 0.5), velocity=(1.0, 0.0), spin=2.0)
    solids = Solids(grid, [wheel], [], CPU)
    assert all(isinstance(body, Image) for body in solids.moving)
    for time in (0.0, 0.33, 5.5):
        solids.update(time)
        middle = (0.9 + time) % 1.0
        x = (grid.node_positions(CPU)[..., 0] - middle + 0.5) % 1.0 - 0.5
        away = torch.hypot(x, grid.node_positions(CPU)[..., 1] - 0.5) - 0.1
        assert (solids.distance - away).abs().max() < 1e-5
        assert torch.equal(solids.open[0][0, :10], solids.open[0][10, :10])
        covered = solids.open[0][:, :10] == 0
        place = grid.face_positions(0, CPU)[:, :10][covered]
        assert solids.velocity[0][:, :10][covered] == pytest.approx(
            1 - 2 * (place[:, 1] - 0.5), abs=1e-5
        )


def test_a_pressure_probe_beside_the_seam_sees_beyond_it():
    flow = smoke(Grid((10, 8), 0.1, (0,)))
    flow.pressure = (
        1 + torch.rand(flow.grid.shape, generator=torch.Generator().manual_seed(0)).double()
    )
    ring, read = flow.pressure, []
    for shift in (0, 4):
        probe = PressureProbe(((0.98 + shift * 0.1) % 1.0, 0.33))
        flow.pressure = ring.roll(shift, 0)
        read += Gauges({"gauge": probe}, flow).read()
    assert read[0] == pytest.approx(read[1], rel=1e-9)


def test_axes_by_name_and_what_they_exclude():
    assert periodic_axes(("z", "x"), 2) == (0, 1) and periodic_axes(("z",), 3) == (2,)
    with pytest.raises(ValueError, match="no axis 'y' in 2D"):
        SmokeScene(size=(1.0, 1.0), periodic=("y",))
    for ends in (
        {"open_sides": ["x+"]}, {"walls": {"x-": Wall()}}, {"inlets": [Inlet("x-", (1.0, 0.0))]},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="axis x is periodic"):
            SmokeScene(size=(1.0, 1.0), periodic=("x",), **ends)
        SmokeScene(size=(1.0, 1.0), periodic=("z",), **ends)
    with pytest.raises(ValueError, match="axis x is periodic"):
        Solids(Grid((4, 4), 0.25, (0,)), [], ["x-"], CPU)
    with pytest.raises(ValueError, match="liquid"):
        LiquidScene(size=(1.0, 1.0), periodic=("x",), liquid=Box((0.0, 0.0), (0.5, 0.5)))
