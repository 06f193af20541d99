import numpy as np
import pytest

from fluidsim.render import Style, picture
from fluidsim.render.panels import dithered, fitted, panel_fields
from fluidsim.render.redistance import redistanced
from tests.render.worlds import ball_solid, jittered, liquid_frame, on_nodes, smoke_frame

SHAPE, DX = (32, 32), 1 / 32
PLAIN = Style(caption=False)


def liquid(solids=None):
    positions = jittered(SHAPE, DX)
    positions = positions[positions[:, 1] < 0.5]
    return liquid_frame(positions, shape=SHAPE, dx=DX, solids=solids)


def smoke(**more):
    density = np.zeros(SHAPE, np.float32)
    density[10:22, 4:16] = 1
    return smoke_frame(density, dx=DX, **more)


def without_bars(image):
    drawn = (image != 10).any(-1)
    rows, columns = (np.flatnonzero(drawn.any(axis)) for axis in (1, 0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def main_part(image):
    """The main picture of a square domain: panels form a column to its right."""
    image = without_bars(image)
    return image[:, : image.shape[0]].astype(int)


@pytest.mark.parametrize("size", [(160, 90), (16, 16), (33, 57), (401, 31), (31, 400)])
def test_a_picture_has_the_size_that_is_asked_for(size):
    for shape in (SHAPE, (64, 8), (8, 64)):
        frame = smoke_frame(np.ones(shape, np.float32), dx=DX)
        for style in (PLAIN, Style()):
            image = picture(frame, size, style=style)
            assert image.shape == (size[1], size[0], 3)
            assert image.std() > 1


def test_a_picture_too_small_for_panels_is_the_main_one():
    assert without_bars(picture(smoke(), (60, 28), style=PLAIN)).shape == (28, 28, 3)


@pytest.mark.parametrize("extent", [(1, 1), (3, 1), (0.31, 1.7)])
def test_size_keeps_the_aspect_and_is_even(extent):
    width, height = fitted((1281, 719), extent)
    assert width % 2 == height % 2 == 0
    assert width <= 1281 and height <= 719
    assert width / height == pytest.approx(extent[0] / extent[1], rel=0.02)
    assert width >= 1278 or height >= 716


def test_liquid_fills_the_lower_half():
    image = main_part(picture(liquid(), (200, 100), style=PLAIN))
    assert image.shape == (100, 100, 3)
    blueness = image[..., 2] - image[..., 0]
    assert blueness[56:].min() > 60
    assert blueness[:46].max() < 30
    deep, shallow = image[95].mean(), image[60].mean()
    assert deep < shallow


def test_surface_is_drawn_smoothly():
    image = main_part(picture(liquid(), (200, 100), style=PLAIN))
    column = image[:, 50].mean(-1)
    assert np.abs(np.diff(image[70:, :].mean(-1), axis=1)).max() < 12
    assert (np.abs(np.diff(column)) > 2).sum() < 60


def test_solid_is_drawn():
    frame = liquid(ball_solid(SHAPE, DX, 0.5, 0.2))
    image = main_part(picture(frame, (200, 100), style=PLAIN))
    orange = image[..., 0] - image[..., 2] > 80
    assert orange[50, 50]
    assert orange.mean() == pytest.approx(np.pi * 0.2**2, rel=0.08)


def test_a_drop_is_round_and_in_its_place():
    place = np.array([[0.3, 0.7]], np.float32)
    frame = liquid_frame(place, shape=SHAPE, dx=DX)
    image = main_part(picture(frame, (600, 400), style=PLAIN))
    rows, columns = np.nonzero(image[..., 2] - image[..., 0] > 40)
    assert (columns.mean() + 0.5) / 400 == pytest.approx(0.3, abs=0.003)
    assert 1 - (rows.mean() + 0.5) / 400 == pytest.approx(0.7, abs=0.003)
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 1 < np.ptp(rows)


def test_symmetric_liquid_gives_a_symmetric_picture():
    half = jittered(SHAPE, DX)
    half = half[(half[:, 0] < 0.5) & (half[:, 1] < 0.3 + half[:, 0])]
    particles = np.concatenate([half, half * np.float32((-1, 1)) + np.float32((1, 0))])
    frame = liquid_frame(particles, shape=SHAPE, dx=DX)
    image = main_part(picture(frame, (180, 128), style=PLAIN))
    beyond_dither = np.maximum(np.abs(image - image[:, ::-1]) - 1, 0)
    assert beyond_dither.mean() < 0.1
    assert np.abs(image - image[::-1]).mean() > 20


def test_no_steps_of_the_grid_show_around_a_solid_in_smoke():
    solid = ball_solid(SHAPE, DX, 0.5, 0.25)
    held = np.linalg.norm(on_nodes(SHAPE, DX) + DX / 2 - 0.5, axis=-1) < 0.25
    around, whole = (
        picture(smoke_frame(density, dx=DX, solids=solid), (600, 400), style=PLAIN).astype(int)
        for density in (np.where(held, np.float32(0), 1), np.ones(SHAPE, np.float32))
    )
    assert np.abs(main_part(around) - main_part(whole)).max() <= 1


def test_panels_of_smoke():
    velocity = np.zeros((2, *SHAPE), np.float32)
    velocity[1, 10:22] = 1
    pressure = np.broadcast_to(np.linspace(1, 0, SHAPE[1], dtype=np.float32), SHAPE)
    image = picture(smoke(velocity=velocity, pressure=pressure), (1000, 372), style=PLAIN)
    image = without_bars(image)
    assert image.shape == (372, 372 + 6 + 120, 3)
    density, side = image[:, :372], image[:, 378:].astype(int)
    spin, press, speed = side[:120], side[126:246], side[252:]
    assert density[260, 186].min() > 150 > density[37, 186].max()
    assert speed[60, 60].sum() > 500 > speed[60, 10].sum() + 400
    left, right = spin[60, 120 * 10 // 32], spin[60, 120 * 22 // 32]
    assert left[0] > left[2] and right[2] > right[0]  # red turns to the left, blue to the right
    assert press[5, 60].sum() < press[100, 60].sum()


def test_panels_of_liquid_show_it_only_where_it_is():
    frame = liquid()
    frame.velocities[:, 0] = frame.positions[:, 1]
    fields = panel_fields(frame)
    assert fields["vorticity"][4:-4, 4:12] == pytest.approx(-1.0, abs=0.4)
    assert fields["speed"][16, 8] == pytest.approx(8.5 * DX, rel=0.05)
    image = without_bars(picture(frame, (1000, 366), style=PLAIN)).astype(int)
    speed = image[186:, 372:]
    assert speed[40].min() > 170  # air
    assert speed[-60, :, 2].max() < 150


def test_wide_domains_have_their_panels_below():
    shape = (64, 16)
    zeros = np.zeros(shape, np.float32)
    frame = smoke_frame(zeros, dx=DX)
    image = without_bars(picture(frame, (640, 400), style=PLAIN))
    assert image.shape[1] == 640 and 160 + 6 + 70 < image.shape[0] < 160 + 6 + 85


def test_without_pressure_there_are_two_panels():
    assert list(panel_fields(smoke())) == ["vorticity", "speed"]


def test_redistanced_field_is_a_distance():
    spacing = 1 / 128
    x, y = np.moveaxis(on_nodes((161, 129), spacing), -1, 0)
    exact = np.hypot(x - 0.6, y - 0.45) - 0.27
    distance = redistanced(np.tanh(9 * exact) * (1.5 + x), spacing)
    assert np.abs(distance - exact).max() < 1.3 * spacing
    assert np.abs(distance - exact)[np.abs(exact) < 4 * spacing].max() < 0.15 * spacing
    slope = np.hypot(*np.gradient(distance, spacing))[(np.abs(exact) < 0.2) & (x < 1.0)]
    assert abs(slope - 1).max() < 0.06
    assert np.array_equal(distance < 0, exact < 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_field_without_a_line_is_far_from_it(sign):
    distance = redistanced(np.full((9, 5), 0.1 * sign), 0.5)
    assert np.all(distance * sign >= 4)


def test_honey_is_amber():
    image = picture(liquid(), (200, 100), style=Style(caption=False, liquid="honey")).astype(int)
    low = main_part(image)[-10:].mean((0, 1))
    assert low[0] > low[1] + 30 and low[1] > low[2] + 30


def test_backdrops_that_change_slowly_have_no_bands():
    """Means of rows grow from row to row, as the colours do, and not in steps of a byte."""
    ramp = np.broadcast_to(np.linspace(20, 24, 200)[:, None, None], (200, 400, 3))
    rows = dithered(ramp).mean((1, 2))
    assert np.abs(rows - ramp[:, 0, 0]).max() < 0.1
    sky = picture(smoke_frame(np.zeros((64, 64), np.float32)), (400, 400), style=PLAIN)
    means = main_part(sky).mean((1, 2))
    assert (np.diff(means[5:-5]) > 0).mean() > 0.8
