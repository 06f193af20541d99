"""Whitewater of flows that are known: where it is made, and how it moves."""

import dataclasses

import numpy as np
import pytest

from fluidsim.render.frame import BUBBLE, FOAM, SPRAY, WhitewaterParticles
from fluidsim.whitewater.advance import Around, advance
from fluidsim.whitewater.flow import DISTANCE, flow_of
from fluidsim.whitewater.numbers import Whitewater
from fluidsim.whitewater.potentials import potentials
from tests.render.worlds import ball_solid, jittered, liquid_frame

N = 16
DX, STEP = 1 / N, 1 / 50
DIMS = pytest.mark.parametrize("dim", [2, 3])
NOTHING_NEW = Whitewater(trapped_air=0, wave_crests=0, drag=0)
WIDE = Whitewater(trapped_air=500, wave_crests=500, slow=0.0, fast=0.1)


def frame(dim, top=0.5, velocity=None, time=0.0, **more):
    """Liquid up to a height, with a velocity that depends on the place."""
    places = jittered((N,) * dim, DX)
    places = places[places[:, -1] < top]
    speeds = np.zeros_like(places) if velocity is None else velocity(places).astype(np.float32)
    return liquid_frame(places, speeds, (N,) * dim, DX, time=time, **more)


def flows(dim, top=0.5, velocity=None, **more):
    """A flow that stays as it is, and its next frame."""
    return [flow_of(frame(dim, top, velocity, time, **more)) for time in (0.0, STEP)]


def around(dim, open_sides=()):
    return Around((0.0,) * (dim - 1) + (-9.81,), open_sides)


def particle(place, velocity, life=10.0):
    one = np.ones(1, np.float32)
    return WhitewaterParticles(
        positions=np.array([place], np.float32), velocities=np.array([velocity], np.float32),
        kind=np.array([FOAM], np.uint8), id=np.zeros(1, np.uint32), age=0 * one,
        life=life * one, issued=1,
    )  # fmt: skip


def moved(white, pair, dim, frames, numbers=NOTHING_NEW, open_sides=()):
    for number in range(2, 2 + frames):
        white = advance(white, *pair, number, around(dim, open_sides), numbers)
    return white


@DIMS
def test_the_distance_is_that_to_the_surface(dim):
    level = flows(dim)[0].values[..., DISTANCE]
    height = (np.arange(N) + 0.5) * DX - 0.5
    near = np.abs(height) < 1.2 * DX
    assert np.abs(level[..., near] - height[near]).max() < 0.25 * DX
    assert (level[..., height < -1.2 * DX] < 0).all() and (level[..., height > 1.2 * DX] > 0).all()


@DIMS
def test_shallow_jets_that_collide_trap_air_where_they_meet(dim):
    pair = flows(dim, 3 * DX, lambda x: np.where(x[:, :1] < 0.5, 1.0, -1.0) * np.eye(dim)[0])
    air = np.moveaxis(potentials(pair[0])[0], 1 if dim == 2 else 0, 0).reshape(N, -1)
    assert air[N // 2 - 1 : N // 2 + 1].max() > 0.5
    assert air[4 : N // 2 - 3].max() == 0


@DIMS
def test_jets_that_part_trap_no_air(dim):
    pair = flows(dim, 3 * DX, lambda x: np.where(x[:, :1] < 0.5, -1.0, 1.0) * np.eye(dim)[0])
    air = np.moveaxis(potentials(pair[0])[0], 1 if dim == 2 else 0, 0).reshape(N, -1)
    assert air[4 : N - 4].max() == 0


@DIMS
def test_liquid_that_turns_as_a_whole_traps_no_air(dim):
    def turning(x):
        across = np.zeros_like(x)
        across[:, 0], across[:, -1] = -(x[:, -1] - 0.5), x[:, 0] - 0.5
        return 2.0 * across

    inner = (slice(None) if dim == 2 else slice(3, -3), slice(3, -3), slice(3, -3))
    assert potentials(flows(dim, 0.5, turning)[0])[0][inner].max() == 0


@DIMS
def test_a_crest_needs_a_bend_and_a_way_outwards(dim):
    def crest(velocity):
        places = jittered((N,) * dim, DX)
        places = places[np.linalg.norm(places - 0.5, axis=1) < 0.12]
        speeds = np.tile(np.float32(velocity), (len(places), 1))
        return potentials(flow_of(liquid_frame(places, speeds, (N,) * dim, DX)))[1]

    up = (0.0,) * (dim - 1) + (1.0,)
    above = crest(up)
    assert above[..., N // 2 :].max() > 0.3 and above[..., : N // 2].max() == 0
    assert crest((0.0,) * dim).max() == 0
    flat = flows(dim, 0.5, lambda x: np.tile(up, (len(x), 1)))[0]
    assert potentials(flat)[1].max() == 0


def test_liquid_that_is_slow_makes_nothing():
    def meeting(x):
        return np.where(x[:, :1] < 0.5, 1.0, -1.0) * np.eye(2)[0]

    none, pair = WhitewaterParticles.none(2), flows(2, 3 * DX, meeting)
    assert advance(none, *pair, 2, around(2), WIDE).issued > 0
    fast = dataclasses.replace(WIDE, slow=0.3, fast=0.5)  # a fall here is 4.4 m/s
    assert advance(none, *pair, 2, around(2), fast).issued == 0


@DIMS
def test_what_is_made_repeats_and_depends_on_seed_and_frame(dim):
    def meeting(x):
        return np.where(x[:, :1] < 0.5, 2.0, -2.0) * np.eye(dim)[0]

    none, pair = WhitewaterParticles.none(dim), flows(dim, 3 * DX, meeting)

    def made(frame=2, **numbers):
        return advance(none, *pair, frame, around(dim), dataclasses.replace(WIDE, **numbers))

    first, again = made(), made()
    for name in ("positions", "velocities", "kind", "id", "age", "life"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert len(first.id) == len(np.unique(first.id)) and first.issued > first.id.max() > 20
    assert (first.age >= 0).all() and (first.age <= STEP).all() and first.age.std() > 0.2 * STEP
    for other in (made(seed=1), made(frame=3)):
        assert not np.array_equal(first.positions[:10], other.positions[:10])
    assert len(made(most=7).id) <= made(most=7).issued == 7


@DIMS
def test_spray_without_drag_flies_along_a_parabola(dim):
    start, speed = np.full(dim, 0.4), np.full(dim, 0.3)
    start[-1], speed[-1] = 0.6, 1.5
    white = moved(particle(start, speed), flows(dim, 2 * DX), dim, 10)
    time, down = 10 * STEP, np.eye(dim)[-1] * 9.81
    assert white.kind[0] == SPRAY and white.age[0] == pytest.approx(time)
    np.testing.assert_allclose(
        white.positions[0], start + speed * time - down * time**2 / 2, atol=1e-5
    )
    np.testing.assert_allclose(white.velocities[0], speed - down * time, atol=1e-5)


def test_drag_slows_spray_down():
    numbers = dataclasses.replace(NOTHING_NEW, drag=3.0)
    white = moved(particle((0.4, 0.8), (1.0, 0.0)), flows(2, 2 * DX), 2, 5, numbers)
    assert white.velocities[0, 0] == pytest.approx(np.exp(-3.0 * 5 * STEP), rel=1e-4)


@DIMS
def test_a_bubble_rises_at_its_speed_and_becomes_foam(dim):
    place = np.full(dim, 0.5)
    place[-1] = 0.3
    numbers = dataclasses.replace(NOTHING_NEW, rise=0.5, response=0.02)
    rising = moved(particle(place, 0 * place), flows(dim, 0.8), dim, 10, numbers)
    assert rising.kind[0] == BUBBLE and rising.velocities[0, -1] == pytest.approx(0.5, rel=1e-3)
    assert rising.life[0] == 10.0
    risen = moved(rising, flows(dim, 0.8), dim, 60, numbers)
    assert risen.kind[0] == FOAM and risen.life[0] < 10.0
    assert risen.positions[0, -1] == pytest.approx(0.8, abs=DX)


@DIMS
def test_foam_is_carried_by_the_surface_and_stays_there(dim):
    place = np.full(dim, 0.25)
    place[-1] = 0.5
    pair = flows(dim, 0.5, lambda x: np.tile(0.5 * np.eye(dim)[0], (len(x), 1)))
    white = moved(particle(place, 0 * place), pair, dim, 40)
    assert white.kind[0] == FOAM
    assert white.positions[0, 0] == pytest.approx(0.25 + 0.5 * 40 * STEP, abs=0.5 * DX)
    assert white.positions[0, -1] == pytest.approx(0.5, abs=DX)


@DIMS
def test_foam_is_drawn_to_the_surface(dim):
    place = np.full(dim, 0.5)
    place[-1] = 0.5 + 0.45 * DX
    white = moved(particle(place, 0 * place), flows(dim), dim, 1)
    assert white.kind[0] == FOAM
    assert white.positions[0, -1] < place[-1] - 0.08 * DX


def test_foam_dies_and_spray_does_not():
    pair = flows(2, 0.5)
    assert len(moved(particle((0.5, 0.5), (0, 0), 3.5 * STEP), pair, 2, 3).id) == 1
    assert len(moved(particle((0.5, 0.5), (0, 0), 3.5 * STEP), pair, 2, 4).id) == 0
    assert len(moved(particle((0.5, 0.8), (0, 2.0), 3.5 * STEP), pair, 2, 4).id) == 1


@DIMS
def test_open_sides_let_out_what_closed_ones_hold(dim):
    place, speed = np.full(dim, 0.95), np.zeros(dim)
    speed[0] = 4.0
    pair = flows(dim, 2 * DX)
    held = moved(particle(place, speed), pair, dim, 3)
    assert held.positions[0, 0] == 1.0 and held.velocities[0, 0] == 0
    assert len(moved(particle(place, speed), pair, dim, 3, open_sides=["x+"]).id) == 0


@DIMS
def test_solids_turn_spray_away_and_hold_none(dim):
    solids = ball_solid((N,) * dim, DX, np.full(dim, 0.5), 0.2)
    pair = flows(dim, 2 * DX, solids=solids)
    place, speed = np.full(dim, 0.5), np.zeros(dim)
    assert len(moved(particle(place, speed), pair, dim, 1).id) == 0
    place[-1], speed[-1] = 0.9, -3.0
    for number in range(1, 10):
        white = moved(particle(place, speed), pair, dim, number)
        assert np.linalg.norm(white.positions[0] - 0.5) > 0.2 - 0.5 * DX


def test_numbers_out_of_range_are_refused():
    for wrong in ({"lifetime": 0}, {"rise": -1}, {"most": 2.5}, {"slow": 0.7}, {"drag": "much"}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} of whitewater"):
            Whitewater(**wrong)
    with pytest.raises(ValueError, match="no numbers of whitewater"):
        Whitewater.of({"lifetime": 1.0})
    assert Whitewater.of(dataclasses.asdict(WIDE)) == WIDE
