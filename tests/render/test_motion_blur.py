import numpy as np
import pytest

from fluidsim.render import Camera, Style, picture
from fluidsim.render.motion_blur import blurred, cell_ways
from fluidsim.render.rays import FAR
from fluidsim.render.sampling import pinhole_of
from tests.render.worlds import ball_solid, jittered, liquid_frame

CELLS = 16
SHAPE, DX = (CELLS,) * 3, 1 / CELLS
SIZE = (160, 120)


def draw(positions, velocity, exposure=0.02, solids=None, size=SIZE):
    velocities = np.broadcast_to(np.float32(velocity), positions.shape)
    frame = liquid_frame(positions, velocities, solids=solids)
    return picture(frame, size, style=Style(caption=False, exposure=exposure)).astype(int)


@pytest.mark.parametrize("way", [(0.1, 0.0, 0.0), (0.0, 0.0, -0.08), (0.06, 0.0, 0.06)])
def test_a_square_is_spread_along_its_way_and_keeps_its_light(way):
    """A white square in the plane y = 0.5, seen from the front, on black."""
    camera = Camera((0.5, -3.5, 0.5), (0.5, 0.5, 0.5), 20.0)
    rows, columns = np.mgrid[0:121, 0:121]
    place = np.stack([2 * columns + 1 - 121, 121 - 2 * rows - 1], -1) / 121
    at = 0.5 + place * 4 * np.tan(np.radians(10))  # x and z in the plane
    square = (np.abs(at - 0.5) < 0.15).all(-1)
    far = np.sqrt(16 + ((at - 0.5) ** 2).sum(-1))
    distance = np.where(square, far, FAR).astype(np.float32)
    white = np.repeat(square[..., None], 3, -1).astype(np.float32)
    ways = np.broadcast_to(np.float32(way), (*SHAPE, 3)).copy()
    nothing = np.full((2, 2, 2), 10.0, np.float32)
    seen = blurred(white, distance, ways, nothing, np.ones(3), pinhole_of(camera, (121, 121)))[
        ..., 0
    ]
    assert seen.sum() == pytest.approx(square.sum(), rel=0.05)
    for axis, coordinate in ((1, 0), (0, 2)):  # columns and x, rows and z
        pixels = way[coordinate] / (8 * np.tan(np.radians(10))) * 121
        extent = [np.ptp(np.flatnonzero(shown.any(1 - axis))) for shown in (seen > 0.02, square)]
        assert extent[0] - extent[1] == pytest.approx(abs(pixels), abs=3)
    if way[2] == 0:
        middle = seen[60]
        assert (np.diff(middle[:61]) >= -0.03).all()
        assert np.ptp(np.flatnonzero(middle > 0.5)) == pytest.approx(
            np.ptp(columns[60][square[60]]), abs=2
        )


def test_liquid_at_rest_and_no_exposure_are_sharp():
    pool = jittered((CELLS, CELLS, 6), DX)
    sharp = draw(pool, (2.0, 0.0, 0.0), 0.0)
    assert np.array_equal(draw(pool, (0.0, 0.0, 0.0)), sharp)
    assert np.abs(draw(pool, (2.0, 0.0, 0.0)) - sharp).max() > 10


def test_solids_and_the_floor_are_sharp():
    pool = jittered((CELLS, CELLS, 4), DX)
    ball = ball_solid(SHAPE, DX, np.array((0.5, 0.5, 0.75)), 0.18)
    sharp, moved = (draw(pool, (3.0, 0.0, 0.0), seconds, ball) for seconds in (0.0, 0.02))
    orange = sharp[..., 0] - sharp[..., 2] > 35
    inner = orange & np.roll(orange, 3, 0) & np.roll(orange, -3, 0)
    assert inner.sum() > 100 and np.array_equal(moved[inner], sharp[inner])
    changed = np.nonzero(np.abs(moved - sharp).max(-1) > 3)
    assert len(changed[0]) > 50
    corner = np.s_[-8:, :20]  # of the floor, before the tank
    assert np.array_equal(moved[corner], sharp[corner])


def test_a_drop_becomes_a_streak():
    drop, large = np.float32([[0.5, 0.5, 0.6]]), (480, 360)
    empty = draw(np.zeros((0, 3), np.float32), (0.0, 0.0, 0.0), 0.0, size=large)
    heights, shades = [], []
    for seconds in (0.0, 0.01):
        falling = draw(drop, (0.0, 0.0, -5.0), seconds, size=large)
        changed = np.abs(falling - empty).max(-1)
        heights.append(np.ptp(np.nonzero(changed)[0]))
        shades.append(changed[changed > 0].mean())
    assert heights[1] > heights[0] + 3 and shades[1] < 0.8 * shades[0]


def test_ways_are_those_of_the_particles():
    pool = jittered((CELLS, CELLS, 8), DX)
    fast = np.where(pool[:, :1] < 0.5, np.float32([[1, 2, 3]]), np.float32([[-1, 0, 0]]))
    ways = cell_ways(pool, fast, SHAPE, DX, 0.5)
    assert ways.shape == (*SHAPE, 3) and ways.dtype == np.float32
    assert np.allclose(ways[:5, :, :6], (0.5, 1, 1.5), atol=1e-4)
    assert np.allclose(ways[-5:, :, :6], (-0.5, 0, 0), atol=1e-4)
    assert not ways[:, :, 14:].any()
