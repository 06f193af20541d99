import numpy as np
import pytest

from fluidsim.render import Camera, Style, picture
from fluidsim.render.spray import separated
from tests.render.worlds import ball_solid, jittered, liquid_frame

CELLS = 16
DX = 1 / CELLS


def split(positions, speed=0.0, solids=None):
    dim = positions.shape[1]
    velocities = np.zeros_like(positions)
    velocities[:, 0] = speed
    return separated(positions, velocities, (CELLS,) * dim, DX, solids)


@pytest.mark.parametrize("dim", [2, 3])
def test_lone_particles_are_drops_and_the_bulk_is_not(dim):
    pool = jittered((CELLS,) * (dim - 1) + (6,), DX)
    lone = np.array([[0.3] * (dim - 1) + [0.8], [0.8] * dim], np.float32)
    body, spray = split(np.concatenate([pool, lone]))
    assert np.array_equal(body, np.arange(len(pool)))
    assert np.array_equal(spray.centres, lone)
    assert np.all(spray.sunk == 0) and np.all(spray.white == 0)
    assert np.all((spray.radii > 0.1 * DX) & (spray.radii < 0.5 * DX))


@pytest.mark.parametrize("dim", [2, 3])
def test_a_sheet_is_no_spray_and_foams_only_when_fast(dim):
    particles = jittered((CELLS,) * dim, DX)
    sheet = particles[np.floor(particles[:, -1] / DX * 2) == CELLS]  # one layer of particles
    body, spray = split(sheet)
    assert len(body) == len(sheet) and len(spray.centres) == 0
    body, spray = split(sheet, speed=5.0)
    assert len(body) == len(spray.centres) == len(sheet)
    assert np.all(spray.white > 0.5) and np.all(spray.sunk > 0)


def test_calm_and_fast_whole_water_has_no_foam():
    pool = jittered((CELLS, CELLS, 8), DX)
    assert len(split(pool)[1].centres) == 0
    foam = split(pool, speed=5.0)[1]
    assert len(foam.centres) < 0.02 * len(pool)


def test_whole_water_beside_a_solid_has_no_foam():
    block = jittered((CELLS,) * 3, DX)
    ball = ball_solid((CELLS,) * 3, DX, 0.5, 0.25)
    block = block[np.linalg.norm(block - 0.5, axis=1) > 0.25]
    assert len(split(block, speed=5.0, solids=ball)[1].centres) < 0.01 * len(block)


def test_no_particles():
    body, spray = split(np.zeros((0, 3), np.float32))
    assert body.shape == (0,) and spray.centres.shape == (0, 3)


def drawn(positions, camera, speed=0.0):
    frame = liquid_frame(positions, np.full_like(positions, speed))
    return picture(frame, (320, 240), camera, Style(caption=False)).astype(int)


def test_drops_are_drawn_where_particles_are():
    camera = Camera((0.5, -2.5, 1.2), (0.5, 0.5, 0.5), 30.0)
    places = np.array([(0.2, 0.5, 0.8), (0.8, 0.3, 0.6), (0.5, 0.9, 0.3)], np.float32)
    change = np.abs(drawn(places, camera, 3.0) - drawn(places[:0], camera)).max(-1) > 0
    seen = camera.project(places, 4 / 3)
    columns, rows = (seen[:, 0] + 1) * 160 - 0.5, (1 - seen[:, 1]) * 120 - 0.5
    assert change[np.round(rows).astype(int), np.round(columns).astype(int)].all()
    y, x = np.nonzero(change)
    away = np.hypot(x[:, None] - columns, y[:, None] - rows).min(1)
    assert away.max() < 4  # and nowhere else


def test_nearer_things_hide_drops():
    camera = Camera((0.5, -2.5, 0.5), (0.5, 0.5, 0.5), 30.0)
    block = jittered((CELLS,) * 3, DX)
    block = block[(block[:, 1] < 0.5) & (block[:, 2] < 0.7)]
    behind, before = (
        np.array([[0.5, 0.9, 0.5]], np.float32),
        np.array([[0.5, 0.9, 0.9]], np.float32),
    )
    assert np.array_equal(drawn(np.concatenate([block, behind]), camera), drawn(block, camera))
    assert not np.array_equal(drawn(np.concatenate([block, before]), camera), drawn(block, camera))


def test_a_small_drop_looks_the_same_wherever_it_is_between_pixels():
    camera = Camera((0.5, -5.0, 0.2), (0.5, 0.5, 0.5), 20.0)  # radii of 2 pixels
    pixel = 2 * np.tan(np.radians(10)) * np.hypot(5.5, 0.3) / 240
    empty = drawn(np.zeros((0, 3), np.float32), camera)
    totals = []
    for part in (0.0, 0.2, 0.4, 0.6, 0.8):
        place = np.array([[0.5, 0.5, 0.5 + part * pixel]], np.float32)
        totals.append(np.abs(drawn(place, camera) - empty).sum())
    assert np.ptp(totals) < 0.2 * np.mean(totals)
