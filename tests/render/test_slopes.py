import numpy as np
import pytest
import taichi as ti

from fluidsim.render.arrays import VectorVolume, Volume
from fluidsim.render.slopes import slope_and_bend
from tests.render.worlds import on_nodes

Points = ti.types.ndarray(dtype=ti.math.vec3, ndim=1)
NODES = 24


@ti.kernel
def _measure(slopes: Points, bends: VectorVolume, places: Points, volume: Volume):
    for n in range(slopes.shape[0]):
        slope, bend = slope_and_bend(volume, places[n])
        slopes[n] = slope
        for row in ti.static(range(3)):
            bends[n, 0, row] = ti.Vector([bend[row, 0], bend[row, 1], bend[row, 2]])


def measured(volume, places):
    slopes = np.empty((len(places), 3), np.float32)
    bends = np.empty((len(places), 1, 3, 3), np.float32)
    places = np.ascontiguousarray(places, np.float32)
    _measure(slopes, bends, places, np.ascontiguousarray(volume, np.float32))
    return slopes, bends[:, 0]


def test_parabolas_slope_and_bend_as_they_should():
    rng = np.random.default_rng(0)
    form, lean = rng.normal(size=(3, 3)), rng.normal(size=3)
    form += form.T
    nodes = on_nodes((NODES,) * 3, 1.0) - 12
    volume = 0.5 * np.einsum("...i,ij,...j", nodes, form, nodes) + nodes @ lean
    places = rng.uniform(2, NODES - 3, (50, 3))
    slopes, bends = measured(volume, places)
    assert np.allclose(slopes, (places - 12) @ form + lean, atol=1e-3)
    assert np.allclose(bends, form, atol=1e-3)


@pytest.mark.parametrize("radius", [4.0, 7.3])
def test_normals_of_a_ball_are_exact_and_turn_without_kinks(radius):
    centre = np.array((11.6, 11.3, 11.9))
    ball = np.linalg.norm(on_nodes((NODES,) * 3, 1.0) - centre, axis=-1) - radius
    angle = np.linspace(0, 2 * np.pi, 2000)
    outward = np.stack([np.cos(angle), 0.8 * np.sin(angle), 0.6 * np.sin(angle)], -1)
    slopes, bends = measured(ball, centre + radius * outward)
    normals = slopes / np.linalg.norm(slopes, axis=1, keepdims=True)
    assert np.degrees(np.abs(normals - outward).max()) < 0.05
    assert np.degrees(np.abs(np.diff(normals - outward, 2, axis=0)).max()) < 1e-3
    around = np.stack([-np.sin(angle), 0.8 * np.cos(angle), 0.6 * np.cos(angle)], -1)
    assert np.einsum("ni,nij,nj->n", around, bends, around) == pytest.approx(1 / radius, rel=0.1)


def test_at_walls_the_slope_has_no_part_across_them():
    volume = np.cos(np.pi * on_nodes((NODES,) * 3, 1 / (NODES - 1))).sum(-1)
    places = np.random.default_rng(1).uniform(0, NODES - 1, (30, 3))
    places[:15, 0], places[15:, 2] = 0, NODES - 1
    slopes, _ = measured(volume, places)
    assert np.abs(slopes[:15, 0]).max() < 1e-3 and np.abs(slopes[15:, 2]).max() < 1e-3
    assert np.abs(slopes[:15, 1:]).max() > 0.05
