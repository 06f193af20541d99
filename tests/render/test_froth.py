"""Whitewater in pictures: where it is, and only there."""

import dataclasses

import numpy as np
import pytest

from fluidsim.render import Style, default_camera, picture
from fluidsim.render.frame import BUBBLE, FOAM, SPRAY, WhitewaterParticles
from fluidsim.render.froth import froth_of
from tests.render.worlds import jittered, liquid_frame

N, SIZE = 16, (240, 160)
DX = 1 / N
KINDS = pytest.mark.parametrize("kind", [SPRAY, FOAM, BUBBLE], ids=["spray", "foam", "bubble"])
HEIGHT = {SPRAY: 0.75, FOAM: 0.4, BUBBLE: 0.2}


def particles(kind, dim, count=300, spread=0.04, velocity=0.0, life=5.0):
    """A small cloud, before the middle of the domain."""
    middle = np.array([0.5, 0.2, HEIGHT[kind]])[[0, 2] if dim == 2 else slice(None)]
    places = middle + spread * np.random.default_rng(0).normal(size=(count, dim))
    if kind == FOAM:
        places[:, -1] = HEIGHT[FOAM]
    one, speeds = np.ones(count, np.float32), np.zeros((count, dim), np.float32)
    speeds[:, 0] = velocity
    return WhitewaterParticles(
        positions=places.astype(np.float32), velocities=speeds,
        kind=np.full(count, kind, np.uint8), id=np.arange(count, dtype=np.uint32), age=one,
        life=life * one, issued=count,
    )  # fmt: skip


def frames(kind, dim, **more):
    """A pool without and with a cloud."""
    places = jittered((N,) * dim, DX)
    frame = liquid_frame(places[places[:, -1] < 0.4], shape=(N,) * dim, dx=DX)
    none = dataclasses.replace(frame, whitewater=WhitewaterParticles.none(dim))
    return none, dataclasses.replace(frame, whitewater=particles(kind, dim, **more))


def difference(kind, dim, style=None, **more):
    """What the cloud changes: (height, width), 0 to 255."""
    style = style or Style(caption=False)
    without, having = (picture(each, SIZE, None, style) for each in frames(kind, dim, **more))
    return having.astype(int).mean(-1) - without.astype(int).mean(-1)


def place_of(kind):
    """The row and the column of the middle of a cloud in 3D; water bends the way to a bubble."""
    camera = default_camera("liquid", (1.0, 1.0, 1.0), SIZE[0] / SIZE[1])
    x, y = camera.project(np.array([[0.5, 0.2, HEIGHT[kind]]]), SIZE[0] / SIZE[1])[0]
    return (1 - y) * SIZE[1] / 2, (1 + x) * SIZE[0] / 2


@KINDS
def test_it_is_white_where_it_is_and_changes_nothing_elsewhere(kind):
    change = np.abs(difference(kind, 3, Style(caption=False, preset="dark")))
    row, column = place_of(kind)
    rows, columns = np.indices(change.shape)
    away = np.hypot(rows - row, columns - column)
    assert change[away < 10].max() > 40
    # Farther away only a few edges change, which get more rays or fewer, and mirror images.
    assert (change[away > 40] > 3).mean() < 0.003 and change[away > 40].max() < 20


@KINDS
def test_dots_in_2d_are_where_it_is(kind):
    change = difference(kind, 2)
    rows, columns = np.nonzero(np.abs(change) > 2)
    assert len(rows) > 20
    # The picture fills the height; panels stand beside it.
    assert (1 - rows.mean() / SIZE[1]) == pytest.approx(HEIGHT[kind], abs=0.05)
    assert rows.std() < 0.15 * SIZE[1] and columns.std() < 0.15 * SIZE[0]


def test_foam_without_life_is_not_seen():
    assert np.abs(difference(FOAM, 3, life=0.0)).max() <= 1


def frame_with(white):
    return dataclasses.replace(frames(SPRAY, 3)[0], whitewater=white)


def red_of_blue(white):
    """Of what a cloud adds to the picture."""
    style = Style(caption=False, preset="dark")
    none = picture(frames(SPRAY, 3)[0], SIZE, None, style).astype(float)
    added = picture(frame_with(white), SIZE, None, style) - none
    brighter = added.sum(-1) > 60
    assert brighter.sum() > 5
    return added[brighter, 0].sum() / added[brighter, 2].sum()


def test_water_tints_what_is_deep_in_it():
    """It swallows red first."""
    shallow, deep = (
        dataclasses.replace(white, positions=white.positions + np.float32([0, shift, 0]))
        for white in (particles(BUBBLE, 3, spread=0.02),)
        for shift in (-0.15, 0.4)
    )
    assert red_of_blue(deep) < 0.8 * red_of_blue(shallow)


def test_what_is_before_hides_what_is_behind():
    """Many balls in one place are as bright as a white ball, not more."""
    one = particles(SPRAY, 3, count=1, spread=0.0)
    parts = (each.name for each in dataclasses.fields(one) if each.name != "issued")
    many = {name: np.repeat(getattr(one, name), 40, axis=0) for name in parts}
    many["id"][:] = 21  # one of the largest
    style = Style(caption=False, preset="dark")
    frame = frame_with(WhitewaterParticles(**many, issued=40))
    bright = picture(frame, (720, 480), None, style).max()
    assert 230 < bright < 250


def test_the_shutter_draws_spray_out_along_its_way():
    def size(exposure):
        style = Style(caption=False, exposure=exposure)
        change = difference(SPRAY, 3, style, spread=0.0, velocity=4.0)
        return (np.abs(change) > 2).sum()

    assert size(0.04) > 3 * size(1e-6) > 0


def test_every_ball_is_listed_in_every_cell_that_it_reaches_into():
    _, frame = frames(SPRAY, 3, count=50, spread=0.3, velocity=2.0)
    camera = default_camera("liquid", (1.0, 1.0, 1.0), 1.5)
    froth = froth_of(frame, 1.0, camera, 1e-3, 0.05)
    cells = np.repeat(np.arange(N**3), np.diff(froth.starts))
    assert froth.starts[-1] == len(froth.balls) > 50
    places = [tuple(ball) for ball in froth.balls[:, :3].tolist()]
    listed = set(zip(cells.tolist(), places, strict=True))
    for ball in froth.balls:
        for part in (-1, 0, 1):
            place = ball[:3] + part * ball[5:8] + 0.99 * ball[3] * np.eye(3)[0]
            if (place > 0).all() and (place < 1).all():
                cell = np.ravel_multi_index(tuple((place / DX).astype(int)), (N, N, N))
                assert (cell, tuple(ball[:3].tolist())) in listed
    assert (froth.free.ravel()[cells] == 0).all()
