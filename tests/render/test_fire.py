import numpy as np

from fluidsim.render import Style, default_camera, picture
from fluidsim.render.fire import GLOWS, HOTTEST, fire_of
from tests.render.worlds import smoke_frame

SHAPE, DX = (16, 16, 20), 1 / 16
SIZE = (160, 120)


def draw(temperature):
    frame = smoke_frame(np.zeros(SHAPE, np.float32), temperature)
    return picture(frame, SIZE, style=Style(caption=False)).astype(int)


def hot(kelvin, cells=np.s_[6:10, 6:10, 8:12]):
    temperature = np.zeros(SHAPE, np.float32)
    temperature[cells] = kelvin
    return temperature


def test_only_hot_gas_emits():
    assert fire_of(hot(GLOWS), np.ones(3)) is None
    assert np.array_equal(draw(hot(GLOWS)), draw(None))
    change = (draw(hot(HOTTEST, np.s_[7:9, 7:9, 14:16])) - draw(None)).max(-1)
    rows, columns = np.nonzero(change > 100)
    assert 20 < len(rows) < 500  # the hot cells, not their surroundings
    assert np.ptp(rows) < 25 and np.ptp(columns) < 25
    assert change[:20].max() <= 2  # nothing in the sky above


def test_hotter_is_brighter_and_whiter():
    between = [GLOWS + part * (HOTTEST - GLOWS) for part in (0.3, 0.6, 1.0)]
    colours = [fire_of(hot(kelvin), np.ones(3)).light for kelvin in between]
    red, green, blue = np.array(colours).T
    assert np.all(np.diff(red) > 0)
    assert np.all(red > green) and np.all(green > blue)
    assert np.all(np.diff(green / red) > 0) and np.all(np.diff(blue / red) > 0)


def test_light_is_in_the_middle_of_the_fire_and_adds_up():
    upper = np.array(SHAPE) / max(SHAPE)
    small = fire_of(hot(HOTTEST), upper)
    assert np.allclose(small.place, np.array((8, 8, 10)) / 20)
    large = fire_of(hot(HOTTEST, np.s_[4:12, 6:10, 8:12]), upper)
    assert np.allclose(large.light, 2 * small.light)


def test_fire_lights_the_floor_around_it():
    extent = tuple(n * DX for n in SHAPE)
    camera = default_camera("smoke", extent, 4 / 3)
    x, y = camera.project(np.array([(0.5, 0.1, 0.0)]), 4 / 3)[0]
    row, column = int((1 - y) * 60), int((x + 1) * 80)
    low, high = (draw(hot(800.0, np.s_[6:10, 6:10, z : z + 4]))[row, column] for z in (0, 12))
    assert low.sum() > high.sum() + 5 > draw(None)[row, column].sum() + 8
    assert low[0] - low[2] > high[0] - high[2]  # by its own colour


def test_a_flame_shows_its_shades():
    """Hot gas a few cells thick is not all white: what is in it can be seen."""
    pictures = [draw(hot(kelvin, np.s_[7:9, 7:9, 8:12])) for kelvin in (450.0, 600.0, 750.0)]
    hearts = [image.reshape(-1, 3)[(image - draw(None)).sum(-1).argmax()] for image in pictures]
    _, green, blue = np.array(hearts).T
    assert np.all(np.diff(green) > 20) and np.all(np.diff(blue) > 10)
