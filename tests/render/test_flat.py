import numpy as np
import pytest

from fluidsim.render import Frame, picture
from fluidsim.render.flat import fitted
from tests.render.worlds import ball_solid, jittered

SHAPE, DX = (32, 32), 1 / 32


def liquid(solids=None):
    positions = jittered(SHAPE, DX)
    positions = positions[positions[:, 1] < 0.5]
    still = np.zeros_like(positions)
    return Frame("liquid", 0, 1.5, SHAPE, DX, solids, "test", positions, still)


def smoke(velocity=None):
    density = np.zeros(SHAPE, np.float32)
    density[10:22, 4:16] = 1
    return Frame("smoke", 0, 1.5, SHAPE, DX, None, "test", density=density, velocity=velocity)


@pytest.mark.parametrize("extent", [(1, 1), (3, 1), (0.31, 1.7)])
def test_size_keeps_the_aspect_and_is_even(extent):
    width, height = fitted((1281, 719), extent)
    assert width % 2 == height % 2 == 0
    assert width <= 1281 and height <= 719
    assert width / height == pytest.approx(extent[0] / extent[1], rel=0.02)
    assert width >= 1278 or height >= 716


def test_liquid_fills_the_lower_half():
    image = picture(liquid(), (200, 100), caption=False).astype(int)
    assert image.shape == (100, 100, 3)
    blueness = image[..., 2] - image[..., 0]
    assert blueness[56:].min() > 60
    assert blueness[:46].max() < 30
    deep, shallow = image[95].mean(), image[60].mean()
    assert deep < shallow


def test_surface_is_drawn_smoothly():
    image = picture(liquid(), (100, 100), caption=False).astype(int)
    column = image[:, 50].mean(-1)
    assert np.abs(np.diff(image[70:, :].mean(-1), axis=1)).max() < 12
    assert (np.abs(np.diff(column)) > 2).sum() < 60


def test_solid_is_drawn():
    image = picture(liquid(ball_solid(SHAPE, DX, 0.5, 0.2)), (100, 100), caption=False).astype(int)
    orange = image[..., 0] - image[..., 2] > 80
    assert orange[50, 50]
    assert orange.mean() == pytest.approx(np.pi * 0.2**2, rel=0.08)


def test_smoke_panels():
    velocity = np.zeros((2, *SHAPE), np.float32)
    velocity[1, 10:22] = 1
    image = picture(smoke(velocity), (316, 120), caption=False)
    assert image.shape[1] <= 316 and image.shape[0] <= 120
    side = image.shape[0]
    density, spin, speed = image[:, :side], image[:, side + 6 : 2 * side + 6], image[:, -side:]
    assert density[side * 7 // 10, side // 2].min() > 150 > density[side // 10, side // 2].max()
    assert speed[side // 2, side // 2].astype(int).sum() > 500 > speed[side // 2, 3].sum() + 400
    left, right = spin[side // 2, side * 10 // 32], spin[side // 2, side * 22 // 32]
    assert left[0] > left[2] and right[2] > right[0]  # red turns to the left, blue to the right


def test_smoke_without_velocity_is_one_panel():
    image = picture(smoke(), (200, 100), caption=False)
    assert image.shape == (100, 100, 3)
