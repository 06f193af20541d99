"""A simulation in a program, without the command line."""

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from fluidsim import Inflow, LiquidScene, RunConfig, SmokeScene, Source
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, Sphere
from fluidsim.solid.steered import Steered
from fluidsim.timing import StageTimer
from solvers.cg import ConjugateGradient

TANK = Box((0.0, 0.0), (1.0, 0.4))
POOL = LiquidScene(size=(1.0, 1.0), liquid=TANK)
ROOM = SmokeScene(size=(1.0, 1.0), sources=[Source(Sphere((0.5, 0.2), 0.1), fuel=0.5)])


@dataclass(frozen=True)
class Counting(ConjugateGradient):
    """A solver of one's own, which counts its solves."""

    name: ClassVar[str] = "counting"
    solves: ClassVar[list[int]] = []

    def solve(self, state, rhs, guess, rtol):
        self.solves.append(1)
        return super().solve(state, rhs, guess, rtol)


@pytest.mark.parametrize("scene", [POOL, ROOM])
def test_it_starts_as_a_run_does(scene, machine):
    here = scene.start(24, solver="cg", rtol=1e-8, seed=3, threads=machine.threads)
    config = RunConfig("x", dim=2, resolution=24, solver="cg", rtol=1e-8, seed=3)
    there = scene.simulate(config, machine, StageTimer(machine.device))
    for simulation in (here, there):
        simulation.advance(1 / 60)
    ours, theirs = here.fields(), there.fields()
    assert ours.keys() == theirs.keys()
    assert all(ours[name].equal(theirs[name]) for name in ours)


def test_a_solver_may_be_an_object(machine):
    simulation = POOL.start(16, solver=Counting(), threads=machine.threads)
    report = simulation.advance(1 / 60)
    assert len(Counting.solves) >= report.substeps > 0


def test_an_unknown_solver_is_refused(machine):
    with pytest.raises(ValueError, match="magic"):
        POOL.start(16, solver="magic", threads=machine.threads)


def test_fields_of_a_liquid_are_in_metres_and_pascal(machine):
    simulation = POOL.start(20, threads=machine.threads)
    assert "pressure" not in simulation.fields()
    simulation.advance(1 / 60)
    fields = simulation.fields()
    assert fields["velocity"].shape == (2, 20, 20)
    assert float(fields["pressure"].max()) == pytest.approx(9810 * (0.4 - 0.025), rel=1e-3)
    heights = torch.arange(20) / 20 + 0.025 - 0.4
    assert torch.allclose(fields["distance"][10, 4:12], heights[4:12], atol=2e-3)
    assert 0.35 < float(fields["positions"][:, 1].max()) < 0.4
    assert fields["velocities"].shape == fields["positions"].shape
    fields["velocity"].fill_(9.0)  # copies
    assert float(simulation.velocity.abs().max()) < 1.0


def test_fields_of_smoke_have_the_fuel_of_its_sources(machine):
    simulation = ROOM.start(16, threads=machine.threads)
    simulation.advance(1 / 40)
    fields = simulation.fields()
    assert {"density", "temperature", "fuel"} < fields.keys()
    assert float(fields["density"].max()) > 0.5


def test_a_steered_solid_follows_what_it_is_told():
    body = Steered(Box((0.4, 0.2), (0.6, 0.4)), (0.5, 0.3))
    assert body.pose(3.0) == body.pose(0.0)
    body.steer(1.0, (0.5, 0.0), spin=2.0)
    body.steer(2.0, (0.0, -1.0))
    for time, offset, angle, velocity in (
        (0.5, (0.0, 0.0), 0.0, (0.0, 0.0)),
        (1.5, (0.25, 0.0), 1.0, (0.5, 0.0)),
        (2.5, (0.5, -0.5), 2.0, (0.0, -1.0)),
    ):
        pose = body.pose(time)
        assert pose.offset == pytest.approx(offset) and pose.velocity == velocity
        assert pose.angle == pytest.approx(angle)
    body.steer(1.5, (0.0, 0.0))  # back in time: what came later is forgotten
    assert body.pose(2.5).offset == pytest.approx((0.25, 0.0))
    with pytest.raises(ValueError, match="2 components"):
        body.steer(3.0, (1.0, 0.0, 0.0))


def test_a_solid_steered_from_the_start_moves_as_one_that_moves(machine):
    shape, pivot, velocity = Box((0.3, 0.1), (0.4, 0.6)), (0.35, 0.3), (0.4, 0.0)
    steered = Steered(shape, pivot)
    steered.steer(0.0, velocity, 1.0)
    found = []
    for body in (steered, Moving(shape, pivot, velocity, 1.0)):
        scene = LiquidScene(size=(1.0, 1.0), liquid=TANK, solids=[body])
        simulation = scene.start(20, threads=machine.threads)
        simulation.advance(1 / 30)
        found.append(simulation.fields()["positions"])
    assert found[0].equal(found[1])


def test_an_inflow_changes_between_frames(machine):
    nozzle = Sphere((0.5, 0.8), 0.08)
    scene = LiquidScene(size=(1.0, 1.0), liquid=TANK, inflows=[Inflow(nozzle, (1.0, 0.0))])
    simulation = scene.start(24, threads=machine.threads)
    middles = []
    for way in (1.0, -1.0):
        simulation.change_inflow(0, Inflow(nozzle, (way, 0.0)))
        for _ in range(4):
            simulation.advance(1 / 60)
        there = simulation.fields()
        poured = there["positions"][:, 1] > 0.6
        middles.append(float(there["velocities"][poured, 0].mean()) * way)
    assert min(middles) > 0.1 and not any(map(math.isnan, middles))
    with pytest.raises(IndexError):
        simulation.change_inflow(1, Inflow(nozzle, (1.0, 0.0)))
    with pytest.raises(IndexError, match="no inflow"):
        POOL.start(16, threads=machine.threads).change_inflow(0, Inflow(nozzle, (1.0, 0.0)))
    with pytest.raises(ValueError, match="2 components"):
        simulation.change_inflow(0, Inflow(nozzle, (1.0, 0.0, 0.0)))


def test_a_source_of_smoke_changes_between_frames(machine):
    def source(height, way=None, fuel=0.0):
        return Source(Sphere((0.5, height), 0.08), density=1.0, velocity=way, fuel=fuel)

    scene = SmokeScene(size=(1.0, 1.0), sources=[source(0.2)], open_sides=["y+"])
    simulation = scene.start(24, threads=machine.threads)
    simulation.advance(1 / 60)
    above = simulation.fields()["density"][:, 18]
    assert not above.any()
    simulation.change_source(0, source(0.8, (0.0, 2.0)))
    simulation.advance(1 / 60)
    there = simulation.fields()
    assert float(there["density"][:, 18].max()) > 0.5
    assert float(there["velocity"][1, 12, 19]) > 1.0
    with pytest.raises(IndexError):
        simulation.change_source(1, source(0.2))
    with pytest.raises(ValueError, match="2 components"):
        simulation.change_source(0, source(0.2, (0.0, 1.0, 0.0)))
    with pytest.raises(ValueError, match="no fuel is carried"):
        simulation.change_source(0, source(0.2, fuel=1.0))
    closed = SmokeScene(size=(1.0, 1.0), sources=[source(0.2)])
    with pytest.raises(ValueError, match="closed part"):
        closed.start(24, threads=machine.threads).change_source(0, source(0.0, (0.0, 2.0)))


def test_people_may_write_lists_and_leave_out_the_brackets_of_one_thing():
    ball = Sphere([0.5, 0.5], 0.1)
    assert ball == Sphere((0.5, 0.5), 0.1) and hash(ball) == hash(Sphere((0.5, 0.5), 0.1))
    pour = Inflow(ball, torch.tensor([0.25, 0.5]).numpy())
    assert pour.velocity == (0.25, 0.5)
    plain = LiquidScene(size=[1, 1], liquid=ball, solids=ball, open_sides="x+", inflows=pour)
    assert plain.size == (1, 1) and plain.solids == (ball,) and plain.inflows == (pour,)
    assert plain.open_sides == ("x+",) and plain.outflows == ()
    room = SmokeScene(size=(1, 1), sources=Source(ball, velocity=[0, 1]), periodic="x")
    assert room.sources[0].velocity == (0, 1) and room.periodic == ("x",)


@pytest.mark.parametrize(
    "wrong", [lambda: Sphere((math.nan, 0.5), 0.1), lambda: Inflow(TANK, [math.nan, 0.0])]
)
def test_what_is_no_number_is_refused_where_it_is_written(wrong):
    with pytest.raises(ValueError, match="not a number"):
        wrong()


def test_sources_of_smoke_cannot_be_exchanged_silently(machine):
    smoke = ROOM.start(8, threads=1)
    assert smoke.sources == tuple(ROOM.sources)
    with pytest.raises(AttributeError):
        smoke.sources = []
