"""Solids hold liquid: thin walls that move fast, and surfaces that it runs off."""

import pytest

from fluidsim.errors import SimulationError
from fluidsim.solid.motion import Keyframe, Keyframed
from fluidsim.solid.shapes import Box, Sphere
from tests.fluidsim.worlds import cubic, liquid

DIMS = pytest.mark.parametrize("dim", [2, pytest.param(3, marks=pytest.mark.slow)])


def shaken_cup(dim, dx, wall):
    """A closed cup, `wall` cells thick, and a path with turns, at several cells a frame."""
    lower, upper = (0.15,) * dim, (0.5,) * dim
    cavity = Box(tuple(x + wall * dx for x in lower), tuple(x - wall * dx for x in upper))
    middle = (0.325,) * dim

    def key(time, right, up, angle=0.0):
        return Keyframe(time, (right, up) if dim == 2 else (right, right / 2, up), angle)

    path = (key(0.01, 0.0, 0.0), key(0.07, 0.3, 0.1, 0.8), key(0.13, 0.15, 0.3, -0.6))
    cup = Keyframed(Box(lower, upper) - cavity, middle, path, axis=(0.0, 1.0, 0.0))
    return cup, Keyframed(cavity, middle, path, axis=(0.0, 1.0, 0.0)), cavity


@DIMS
def test_a_closed_cup_with_thin_walls_keeps_its_water_however_it_is_shaken(dim):
    grid = cubic(dim, 32)
    cup, cavity, inside = shaken_cup(dim, grid.dx, wall=2)
    half = inside & Box((-1.0,) * dim, (2.0,) * (dim - 1) + (0.36,))
    water = liquid(grid, half, [cup], rtol=1e-6)
    assert water.particles.count > 50
    fastest = 0.0
    for _ in range(9):
        water.advance(1 / 60)
        fastest = max(fastest, water.solids.top_speed_during(water.time, 0.0) / 60 / grid.dx)
        at = water.particles.positions * grid.dx
        assert float(cavity.distance(at, water.time).max()) < 0.5 * grid.dx  # of 2 cells of wall
    assert fastest > 5  # cells a frame


@DIMS
def test_water_runs_off_a_ball_and_leaves_none_in_it(dim):
    grid = cubic(dim, 24)
    top = (0.52,) + (0.5,) * (dim - 2)
    ball = Sphere((*(0.5,) * (dim - 1), 0.35), 0.2)
    water = liquid(grid, Sphere((*top, 0.75), 0.12), [ball], rtol=1e-6)
    for _ in range(72):
        water.advance(1 / 60)
        at = water.particles.positions * grid.dx
        assert float(ball.distance(at).min()) > -0.25 * grid.dx
    assert float((at[:, -1] > 0.35).double().mean()) < 0.02
    assert float((ball.distance(at) < 0).double().mean()) < 0.01


def test_the_speed_of_a_solid_is_known_before_it_moves():
    """It starts within the frame: steps by its speed at the frame's beginning would be too long."""
    grid = cubic(2, 32)
    start = Keyframed(
        Box((0.2, 0.2), (0.3, 0.3)), (0.25, 0.25),
        (Keyframe(0.002, (0.0, 0.0)), Keyframe(0.016, (0.4, 0.0))),
    )  # fmt: skip
    block = liquid(grid, Sphere((0.7, 0.7), 0.1), [start], gravity=0.0)
    assert block.advance(1 / 60).substeps >= 0.4 / grid.dx


def test_positions_that_are_not_finite_are_said_at_once():
    water = liquid(cubic(2, 16), Box((0.0, 0.0), (0.5, 0.5)))
    water.particles.positions[5, 1] = float("nan")
    with pytest.raises(SimulationError, match="places of 1 particles are not finite"):
        water.advance(1 / 60)


def test_a_distance_that_is_not_finite_is_said_at_once():
    with pytest.raises(ValueError, match="not a number"):
        liquid(cubic(2, 16), Box((0.0, 0.0), (0.5, 0.5)), [Sphere((float("nan"), 0.5), 0.1)])
