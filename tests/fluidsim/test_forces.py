"""Gravity in any direction, and accelerations that a scene prescribes."""

import json
import math

import pytest
import torch

from fluidsim import Inlet, LiquidScene, RunConfig, SmokeOptions, SmokeScene
from fluidsim.flow.accelerations import gravity_vector
from fluidsim.grid.grid import Grid
from fluidsim.scene.plain import as_json
from fluidsim.solid.shapes import Box, HalfSpace
from fluidsim.timing import StageTimer
from tests.fluidsim.worlds import cubic, liquid, smoke

DIMS = pytest.mark.parametrize("dim", [2, 3])
QUIET = SmokeOptions(weight=0, lift=0, vorticity=0)
TILT = 0.4  # rad


def tilted(dim):
    """Gravity turned in the plane of the first and the last axis, and water that is level to it."""
    gravity = (-9.81 * math.sin(TILT), 0.0, -9.81 * math.cos(TILT))
    level = Box((-5.0,) * dim, (5.0,) * (dim - 1) + (0.52,))
    middle, axis = (0.5,) * (dim - 1) + (0.52,), (0.0, 1.0, 0.0)
    angle = -TILT if dim == 2 else TILT
    return (gravity[0], *gravity[3 - dim + 1 :]), level.rotated(angle, middle, axis)


@DIMS
def test_water_that_is_level_to_a_tilted_gravity_rests(dim):
    gravity, water = tilted(dim)
    tank = liquid(cubic(dim, 16 if dim == 2 else 12), water, gravity=gravity)
    wrong = liquid(tank.grid, water)
    for _ in range(5):
        tank.step(1 / 60)
        wrong.step(1 / 60)
    assert float(tank.particles.velocities.abs().max()) < 1e-4
    assert float(wrong.particles.velocities.abs().max()) > 0.1
    points = tank.grid.cells(tank.grid.cell_positions(tank.device).movedim(-1, 0))
    depth = sum(g * x for g, x in zip(gravity, points, strict=True))
    assert tank.pressure is not None
    pressed = tank.pressure > 0
    offset = (tank.pressure / 1000 - depth)[pressed]
    assert float(offset.max() - offset.min()) < 1e-3 * 9.81


def test_gravity_is_a_number_or_a_vector_of_the_dimension():
    assert gravity_vector(9.81, 2) == (0.0, -9.81)
    assert gravity_vector((1.0, 2.0, 3.0), 3) == (1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match="gravity needs 2 components"):
        LiquidScene(size=(1.0, 1.0), liquid=HalfSpace(0.5), gravity=(0.0, 0.0, 9.81))


@DIMS
def test_a_force_that_has_a_potential_moves_no_smoke_in_a_box(dim):
    def pull(points, time):
        return -2 * (points - 0.3)

    room = smoke(cubic(dim, 12), physics=QUIET, body_force=pull)
    for _ in range(3):
        room.step(0.1)
    assert room.pressure is not None
    assert float(room.velocity.abs().max()) < 1e-5
    centres = room.grid.cells(room.grid.cell_positions(room.device).movedim(-1, 0))
    expected = -1.2 * ((centres - 0.3) ** 2).sum(0).double()
    gap = room.pressure - expected
    assert float(gap.max() - gap.min()) < 1e-3


def test_a_force_is_that_of_its_time():
    """Over a period of the force the flow comes back to rest; halfway it has the mean speed."""

    def shake(points, time):
        return torch.stack(
            (math.sin(2 * math.pi * time) + 0 * points[..., 1], 0 * points[..., 0]), -1
        )

    pipe = smoke(Grid((8, 4), 0.25, (0,)), physics=QUIET, body_force=shake)
    speeds = []
    for _ in range(40):
        pipe.step(1 / 40)
        pipe.time += 1 / 40
        speeds.append(float(pipe.grid.faces(pipe.velocity, 0).mean()))
    assert speeds[19] == pytest.approx(1 / math.pi, rel=0.01)
    assert speeds[39] == pytest.approx(0.0, abs=1e-4)


def test_a_force_replaces_the_pressure_that_drives_a_flow():
    """Of the parabola that comes in, less that of the viscosity."""
    n, force, viscosity = 12, 0.5, 0.2

    def profile(points):
        speed = force / (2 * viscosity) * points[..., -1] * (1 - points[..., -1])
        return torch.stack((speed, torch.zeros_like(speed)), -1)

    def push(points, time):
        return torch.tensor([force, 0.0]).expand_as(points)

    physics = SmokeOptions(weight=0, lift=0, vorticity=0, viscosity=1.2 * viscosity)
    gradients = []
    for given in (None, push):
        pipe = smoke(
            Grid((3 * n, n), 1 / n), open_sides=["x+"], physics=physics,
            inlets=[Inlet("x-", profile)], body_force=given,
        )  # fmt: skip
        for _ in range(10):
            pipe.step(0.25)
        assert pipe.pressure is not None
        ahead, behind = pipe.pressure[2 * n].mean(), pipe.pressure[n].mean()
        gradients.append(float(ahead - behind) / 1.2)
    assert gradients[0] == pytest.approx(-force, rel=0.02)
    assert gradients[1] == pytest.approx(0.0, abs=0.02 * force)


def test_steps_are_short_enough_for_what_a_force_will_do():
    def push(points, time):
        return torch.full_like(points, 30.0)

    scene = LiquidScene(size=(1.0, 1.0), liquid=HalfSpace(0.5), body_force=push, gravity=0.0)
    assert json.loads(json.dumps(as_json(scene)))["body_force"].endswith("push")
    tank = liquid(cubic(2, 16), HalfSpace(0.5), gravity=0.0, body_force=push)
    assert tank.top_speed(0.1) == pytest.approx(30 * 0.1 * math.sqrt(2), rel=1e-5)


def test_a_force_of_another_shape_is_refused(machine):
    scene = SmokeScene(size=(1.0, 1.0), body_force=lambda points, time: points[..., 0])
    room = scene.simulate(RunConfig("x", dim=2, resolution=8), machine, StageTimer(machine.device))
    with pytest.raises(ValueError, match="body force must return"):
        room.advance(0.1)
