import numpy as np
import pytest
import taichi as ti

from fluidsim.render.arrays import Map, Places, vec2
from fluidsim.render.rays import checker

TILE = 0.1


@ti.kernel
def _fields(out: Map, places: Places, width: float):
    for n in range(out.shape[1]):
        out[0, n] = checker(places[n], TILE, vec2(width, 0.7 * width))


def fields(places, width=0.0):
    out = np.empty((1, len(places)), np.float32)
    _fields(out, np.ascontiguousarray(places, np.float32), width)
    return out[0]


def test_fields_alternate():
    places = (np.array([(0, 0), (1, 0), (0, 1), (1, 1), (-1, 0), (-3, -1)]) + 0.3) * TILE
    assert np.allclose(fields(places), [0, 1, 1, 0, 1, 0], atol=0.02)


@pytest.mark.parametrize("width", [0.03, 0.13, 0.2, 0.45])
def test_a_wide_beam_sees_the_mean(width):
    places = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    across = (np.arange(200) + 0.5) / 200 - 0.5
    sides = (width, 0.7 * width)
    x, y = (np.floor((places[:, axis, None] + across * sides[axis]) / TILE) for axis in (0, 1))
    mean = ((x[:, :, None] + y[:, None, :]) % 2).mean((1, 2))
    assert np.allclose(fields(places, width), mean, atol=0.02)
