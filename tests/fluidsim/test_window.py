"""Work follows the liquid: windows of the domain, and what runs in them."""

from __future__ import annotations

import dataclasses
import functools

import pytest
import torch

from fluidsim import Inflow, LiquidScene, Outflow, RunConfig
from fluidsim.figures.steps import state_bytes
from fluidsim.grid.grid import Grid
from fluidsim.liquid import window
from fluidsim.liquid.liquid import Liquid
from fluidsim.liquid.window import box_near, box_of, window_around
from fluidsim.render.frame import LiquidFrame
from fluidsim.runs.snapshot import frame_of
from fluidsim.scene.probes import Gauges, HeightProbe, PressureProbe
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, Sphere
from fluidsim.solid.solids import Solids
from fluidsim.store.systems import SystemRecorder
from solvers.storage import load_system
from tests.fluidsim.worlds import CPU

DX = 1 / 16
ROOM = Grid((96, 40), DX)
KINDS = {
    "water": {},
    "honey": {"viscosity": 5.0},
    "drop": {"surface_tension": 0.5},
    "apic": {"transfer": "apic"},
    "band": {"narrow_band": 3, "width": 2.0},
}


def at(dim: int, x: float, z: float, y: float = 0.5) -> tuple[float, ...]:
    return (x, z) if dim == 2 else (x, y, z)


def tank(dim: int, shift: float = 0.0, length: float = 12.0, width: float = 0.5, **more) -> Liquid:
    """Water falls on a ball and a paddle, in a long room; all of it `shift` metres from its end."""
    wall = Box(at(dim, shift, 0.0, -1.0), at(dim, shift + 0.25, 9.0, 9.0))
    paddle = Moving(
        Box(at(dim, shift + 1.0, 0.0, 0.0), at(dim, shift + 1.125, 0.5, 1.0)),
        at(dim, shift + 1.0, 0.25), velocity=at(dim, 0.5, 0.0, 0.0),
    )  # fmt: skip
    water = Box(at(dim, shift + 0.25, 0.0, 0.0), at(dim, shift + 0.25 + width, 0.75, 1.0))

    def push(points, time):
        force = torch.zeros_like(points)
        force[..., 0] = (points[..., 0] - shift) * 2
        return force

    given = {
        "liquid": water, "solids": [wall, paddle, Sphere(at(dim, shift + 0.5, 0.2), 0.15)],
        "inflows": [Inflow(Sphere(at(dim, shift + 0.6, 1.0), 0.12), at(dim, 0.5, -1.0, 0.0))],
        "outflows": [Outflow(Sphere(at(dim, shift + 0.3, 0.1), 0.1))], "body_force": push,
    }  # fmt: skip
    size = at(dim, length, 3.0, 1.0)
    scene = LiquidScene(size=size, **{**given, **more})
    return scene.start(resolution=round(length / DX), solver="cg", rtol=1e-10, threads=1)


def whole(monkeypatch) -> None:
    """Let windows be all of the domain from now on."""
    monkeypatch.setattr(window, "window_around", lambda box, present, cfl: present.whole)


def run(simulation: Liquid, frames: int = 3) -> Liquid:
    for _ in range(frames):
        simulation.advance(1 / 60)
    return simulation


def test_a_window_has_the_places_of_its_domain():
    part = ROOM.window((8, 4), (40, 20))
    assert part.whole == ROOM and part.end == (40, 20) and not part.is_whole
    assert torch.equal(part.cell_positions(CPU), ROOM.cell_positions(CPU)[8:41, 4:21])
    points = torch.tensor([[1.5, 2.25]])
    assert torch.equal(part.metres(points), ROOM.metres(points + torch.tensor([8, 4])))
    sides = [part.is_rim(axis, upper) for axis in (0, 1) for upper in (False, True)]
    assert sides == [False] * 4 and ROOM.is_rim(1, True)


@pytest.mark.parametrize("low, high", [((0, 0), (97, 4)), ((4, 4), (4, 8)), ((-1, 0), (4, 4))])
def test_no_window_reaches_beyond_its_domain(low, high):
    with pytest.raises(ValueError, match="no window"):
        ROOM.window(low, high)


def test_a_periodic_axis_is_not_cut():
    with pytest.raises(ValueError, match="periodic"):
        dataclasses.replace(ROOM, periodic=(0,)).window((0, 0), (8, 8))


def test_fields_go_from_window_to_window():
    part, other = ROOM.window((8, 4), (40, 20)), ROOM.window((30, 0), (60, 12))
    field = torch.rand(2, *ROOM.nodes)
    own = part.fitted(field, ROOM, -1.0)
    assert torch.equal(own, field[:, 8:41, 4:21])
    moved = other.fitted(own, part, -1.0)
    assert torch.equal(moved[:, :11, 4:], field[:, 30:41, 4:13])
    assert (moved[:, 11:] == -1).all() and (moved[:, :, :4] == -1).all()
    far = ROOM.window((60, 20), (70, 40)).fitted(own, part, -1.0)
    assert (far == -1).all()
    cells = torch.rand(part.shape)
    places = torch.tensor([7, 8, 39, 40])[:, None], torch.tensor([4, 19])[None]
    expected = ROOM.fitted(cells, part, 5.0)[places]
    assert torch.equal(part.at(cells, places, 5.0), expected)


def test_the_box_near_a_shape_holds_all_of_it():
    ball = Sphere((3.0, 1.0), 0.4)
    points = ROOM.cells(ROOM.cell_positions(CPU).movedim(-1, 0)).movedim(0, -1)
    inside = box_of(ball.distance(points) < 0, ROOM)
    near = box_near(ball, 0.0, ROOM)
    assert inside is not None and near is not None
    for axis in range(2):
        assert inside.low[axis] - 10 < near.low[axis] <= inside.low[axis]
        assert inside.high[axis] <= near.high[axis] < inside.high[axis] + 10
    assert box_near(Sphere((3.0, 9.0), 0.4), 0.0, ROOM) is None


def test_a_window_keeps_its_distance_and_changes_seldom():
    long = Grid((400, 40), DX)
    present, changes = long, 0
    for step in range(200):
        box = window.Box((step, 0), (step + 20, 10))
        following = window_around(box, present, cfl=3.0)
        changes += following != present
        present = following
        assert present.origin[0] <= max(step - 10, 0) and present.end[0] >= min(step + 30, 400)
        assert present.origin[1] == 0 and present.cell_count < 0.4 * long.cell_count
    assert changes < 40


def cases(*fast: tuple[int, str]) -> list:
    """All kinds in 2D and 3D; those that are not named are slow."""
    every = [(dim, kind) for dim in (2, 3) for kind in KINDS]
    return [pytest.param(*each, marks=() if each in fast else pytest.mark.slow) for each in every]


@pytest.mark.parametrize("dim, kind", cases((2, "water"), (2, "honey"), (3, "water")))
def test_the_place_of_a_window_does_not_matter(dim, kind):
    ends = [run(tank(dim, shift, **KINDS[kind])) for shift in (2.0, 6.0)]
    near, far = ends
    assert not near.window.is_whole and far.window.origin[0] - near.window.origin[0] == 64
    assert near.exchanged == far.exchanged and near.exchanged.poured * near.exchanged.drained > 0
    shift = torch.tensor(at(dim, 4.0, 0.0, 0.0))
    fields = [each.fields() for each in ends]
    moved = fields[0]["positions"] + shift
    torch.testing.assert_close(moved, fields[1]["positions"], atol=2e-5, rtol=0)
    force = near.force_on_solids()
    assert force.abs().max() > 1
    torch.testing.assert_close(force, far.force_on_solids(), rtol=1e-4, atol=1e-2)
    assert near.volume_error() == pytest.approx(far.volume_error(), abs=1e-5)
    assert near.holes() == far.holes()


@pytest.mark.parametrize("dim, kind", cases((2, "drop"), (2, "apic"), (2, "band")))
def test_a_window_computes_what_the_whole_domain_does(dim, kind, monkeypatch):
    start = functools.partial(tank, dim, 2.0, **KINDS[kind])
    part = start()
    part.cover(part.grid)  # to come back from it
    run(part, 1)
    whole(monkeypatch)
    full = run(start(), 1)
    assert kind != "band" or (full.state()["deep"] > 1).any()
    assert full.window.is_whole and part.window.cell_count < full.window.cell_count / 2
    assert part.report.substeps == full.report.substeps
    a, b = part.fields(), full.fields()
    for name in ("pressure", "distance"):
        assert a[name].shape == b[name].shape
        torch.testing.assert_close(
            a[name], b[name], rtol=1e-3, atol=1e-3 * float(b[name].abs().max())
        )
    torch.testing.assert_close(part.force_on_solids(), full.force_on_solids(), rtol=1e-3, atol=0.1)
    assert part.volume_error() == pytest.approx(full.volume_error(), abs=1e-4)


def test_what_is_seen_from_outside_is_the_domain(tmp_path):
    part = tank(2, 2.0)
    part.observer = SystemRecorder(tmp_path, RunConfig(scene="any", dim=2, record_systems=1), part)
    run(part)
    fields = part.fields()
    assert fields["pressure"].shape == part.grid.shape == (192, 48)
    assert fields["velocity"].shape == (2, *part.grid.shape)
    frame = frame_of(part, 1, "", None)
    assert isinstance(frame, LiquidFrame) and frame.pressure is not None
    assert frame.shape == part.grid.shape and frame.positions[:, 0].min() > 2.0
    assert frame.pressure.shape == part.grid.shape
    found = load_system(sorted(tmp_path.glob("*.npz"))[-1])
    assert found.system.shape == part.grid.shape
    assert torch.equal(found.system.active, fields["pressure"] != 0)
    gauges = Gauges(
        {"p": PressureProbe((2.4, 0.4)), "dry": PressureProbe((9.0, 0.1)),
         "h": HeightProbe((2.4,)), "none": HeightProbe((9.0,))}, part,
    )  # fmt: skip
    pressure, dry, height, none = gauges.read()
    assert pressure > 100 and 0.3 < height < 1.3
    assert dry == none == 0


def test_memory_follows_the_water_and_not_the_room():
    short, long = (run(tank(2, 0.0, length)) for length in (3.0, 12.0))
    assert long.grid.cell_count == 4 * short.grid.cell_count
    assert sum(state_bytes(long)) < 1.5 * sum(state_bytes(short))


@pytest.mark.parametrize("kind", ["water", "band"])
def test_a_run_goes_on_in_the_window_of_its_state(kind):
    jet = [Inflow(Sphere((4.2, 1.5), 0.2), (8.0, 2.0))]
    first = run(tank(2, 2.0, inflows=jet, **KINDS[kind]), 10)
    assert kind == "water" or (first.state()["deep"] > 1).any()
    state = {name: values.clone() for name, values in first.state().items()}
    again = tank(2, 2.0, inflows=jet, **KINDS[kind])
    assert again.window != first.window
    again.restore(state)
    assert again.window == first.window
    for one, other in zip(run(first).state().items(), run(again).state().items(), strict=True):
        assert one[0] == other[0] and torch.equal(one[1], other[1]), one[0]


def test_nothing_reaches_the_sides_of_a_window():
    jet = tank(2, 2.0, inflows=[Inflow(Sphere((3.0, 1.5), 0.2), (8.0, 2.0))])
    seen = set()
    for _ in range(20):
        jet.advance(1 / 60)
        own = jet.window
        seen.add(own)
        x = jet.particles.positions
        for axis in range(2):
            assert own.is_rim(axis, False) or float(x[:, axis].min()) > 4
            assert own.is_rim(axis, True) or float(x[:, axis].max()) < own.shape[axis] - 4
    assert len(seen) > 3 and jet.lost.left == 0


def test_solids_that_come_into_a_window_are_those_of_the_domain():
    shapes = [Sphere((3.0, 1.0), 0.6), Moving(Sphere((2.0, 1.0), 0.3), (2.0, 1.0))]
    domain = Solids(ROOM, shapes, ["x+"], CPU)
    part = Solids(ROOM.window((8, 4), (40, 20)), shapes, ["x+"], CPU)
    part.cover(ROOM.window((24, 0), (60, 32)))
    cut = (slice(None), slice(24, 61), slice(0, 33))
    for name in ("distance", "solid", "cut"):
        assert torch.equal(getattr(part, name)[:-1, :-1], getattr(domain, name)[cut[1:]][:-1, :-1])
    assert torch.equal(part.room, domain.room[24:60, :32])
    assert torch.equal(part.open[0, :, :-1], domain.open[0][24:61, :32])
    assert torch.equal(part.velocity[1, :-1], domain.velocity[1][24:60, :33])
    assert part.boundary.opens and not part.is_open(0, True) and domain.is_open(0, True)
    free = domain.distance_at(ROOM.cells(ROOM.cell_positions(CPU).movedim(-1, 0)).movedim(0, -1), 0)
    free[24:60, :32] = -1
    assert part.room_beyond() == int((free > 0).sum()) and domain.room_beyond() == 0
