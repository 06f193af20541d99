from dataclasses import replace

import numpy as np
import pytest

from fluidsim.render import Camera, Style, picture
from fluidsim.render.camera import LOW
from fluidsim.render.presets import PRESETS
from fluidsim.render.shot import Shot
from fluidsim.render.smoke import smoke_picture
from tests.render.worlds import ball_solid, on_nodes, smoke_frame

SHAPE, DX = (16, 16, 20), 1 / 16
SIZE = (160, 120)
PLAIN = Style(caption=False)
SUN = PRESETS["dark"].towards_sun


def draw(density, solids=None, dx=DX):
    frame = smoke_frame(density, dx=dx, solids=solids)
    return picture(frame, SIZE, style=PLAIN).astype(int)


def puff(shape=SHAPE, dx=DX, strength=1.0):
    centre = np.array((0.5, 0.5, 0.7))
    away = np.linalg.norm(on_nodes(shape, dx) + dx / 2 - centre, axis=-1)
    return (strength * np.clip(1.5 - away / 0.2, 0, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def empty():
    return draw(np.zeros(SHAPE, np.float32))


def pixel_of(point):
    extent = tuple(n * DX for n in SHAPE)
    camera = Camera.framing(extent, SIZE[0] / SIZE[1], direction=LOW)
    x, y = camera.project(np.array([point]), SIZE[0] / SIZE[1])[0]
    return int((1 - y) / 2 * SIZE[1]), int((x + 1) / 2 * SIZE[0])


def test_smoke_is_where_the_density_is(empty):
    image = draw(puff())
    assert image.shape == (120, 160, 3)
    change = np.abs(image - empty).max(-1)
    assert change[pixel_of((0.5, 0.5, 0.7))] > 50
    assert change[:, -10:].max() <= 1
    assert change[:10].max() <= 1


def test_no_smoke_leaves_the_background(empty):
    assert np.array_equal(draw(np.zeros(SHAPE, np.float32)), empty)
    # Below any visible density, too.
    assert np.abs(draw(np.full(SHAPE, 1e-6, np.float32)) - empty).max() <= 1


def test_denser_smoke_hides_more():
    solid = ball_solid(SHAPE, DX, np.array((0.5, 0.5, 0.7)), 0.15)
    row, column = pixel_of((0.5, 0.5, 0.7))
    images = [draw(puff(strength=s), solid)[row, column] for s in (0.0, 0.02, 0.06, 0.2, 1.0)]
    orange = [colour[0] - colour[2] for colour in images]
    assert np.all(np.diff(orange) < 0)
    assert orange[-1] < 30


def test_denser_smoke_darkens_its_shadow(empty):
    point = np.array((0.5, 0.5, 0.7)) - SUN * 0.7 / SUN[2]
    row, column = pixel_of(point)
    window = np.s_[row - 1 : row + 2, column - 1 : column + 2]
    brightness = [draw(puff(strength=s))[window].mean() for s in (0.0, 0.05, 0.3)]
    assert np.all(np.diff(brightness) < -1)


def test_look_does_not_depend_on_the_resolution():
    fine = draw(puff((32, 32, 40), DX / 2), dx=DX / 2)
    assert np.abs(fine - draw(puff())).mean() < 2.5


def test_solid_is_seen_and_shades(empty):
    solid = ball_solid(SHAPE, DX, np.array((0.5, 0.5, 0.6)), 0.2)
    image = draw(np.zeros(SHAPE, np.float32), solid)
    row, column = pixel_of((0.5, 0.5, 0.6))
    assert image[row, column, 0] - image[row, column, 2] > 40
    changed = np.abs(image - empty).max(-1)
    assert (changed > 10).mean() > 0.05
    hidden = draw(puff(strength=3.0), solid)
    assert hidden[row, column, 0] - hidden[row, column, 2] < 40


def test_the_floor_lights_the_lower_side_of_a_solid():
    solid = ball_solid(SHAPE, DX, np.array((0.5, 0.5, 0.6)), 0.2)
    frame = smoke_frame(np.zeros(SHAPE, np.float32), dx=DX, solids=solid)
    camera = Camera.framing(frame.extent, SIZE[0] / SIZE[1], direction=LOW)
    black, white = (
        smoke_picture(frame, Shot(camera, SIZE, replace(PRESETS["dark"], floor=floor))).astype(int)
        for floor in ((0.0, 0.0, 0.0), (0.6, 0.6, 0.6))
    )
    change = (white - black).sum(-1)
    low, high = (pixel_of((0.5, 0.35, 0.6 + side)) for side in (-0.11, 0.11))
    assert change[low] > 30 and change[low] > 2 * change[high]


def test_symmetric_smoke_is_symmetric_when_seen_against_the_sun():
    shape = (24, 24, 24)
    x, y = PRESETS["dark"].towards_sun[:2]
    camera = Camera((0.5 + 4 * x, 0.5 + 4 * y, 0.8), (0.5, 0.5, 0.5))
    away = np.linalg.norm(on_nodes(shape, 1 / 24) + 1 / 48 - 0.5, axis=-1)
    density = np.clip(2 - away / 0.15, 0, 1).astype(np.float32)
    frame = smoke_frame(density, dx=1 / 24)
    image = picture(frame, (120, 120), camera, PLAIN).astype(int)
    assert np.abs(image[:, :60] - image[:, :59:-1]).mean() < 2
    assert image[60, 60].min() > 100


def test_octaves_of_scattering_are_brighter_in_the_light_than_in_the_shade():
    image = draw(puff(strength=3.0))
    lit, shaded = (np.array((0.5, 0.5, 0.7)) + 0.2 * s * (SUN - LOW * 0.3) for s in (1, -1))
    assert image[pixel_of(lit)].mean() > 1.2 * image[pixel_of(shaded)].mean()
    assert image[pixel_of(shaded)].mean() > 50  # scattered light reaches the dark side
