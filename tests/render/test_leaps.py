import numpy as np
import pytest
import taichi as ti

from fluidsim.render.arrays import Marks, Volume
from fluidsim.render.leaps import SOLID, WATER, Leaps, first_of_two, leaps_over
from fluidsim.render.rays import FAR, Ray, Sdf
from tests.render.worlds import on_nodes

NODES = 33
SPACING = 1 / (NODES - 1)
Rays = ti.types.ndarray(dtype=ti.math.vec3, ndim=1)
Hits = ti.types.ndarray(dtype=ti.math.vec2, ndim=1)


@ti.kernel
def _meet(hits: Hits, origins: Rays, directions: Rays, water: Volume, solid: Volume, marks: Marks,
          free: Marks, sign: float, heeded: int):  # fmt: skip
    leaps = ti.static(Leaps(marks, free))
    for n in range(hits.shape[0]):
        spacing, solid_spacing = 1.0 / (water.shape[0] - 1), 1.0 / (solid.shape[0] - 1)
        liquid = ti.static(Sdf(water, spacing))
        body = ti.static(Sdf(solid, solid_spacing))
        ray = Ray(origin=origins[n], direction=directions[n])
        wet, dry = first_of_two(liquid, body, leaps, ray, 0.0, 1.0, sign, heeded)
        hits[n] = ti.Vector([wet, dry])


def ball(centre, radius, nodes=NODES):
    away = np.linalg.norm(on_nodes((nodes,) * 3, 1 / (nodes - 1)) - centre, axis=-1)
    return (away - radius).astype(np.float32)


def meet(origins, directions, water, solid, sign=1.0, heeded=WATER + SOLID):
    leaps = leaps_over(water, solid, SPACING)
    hits = np.empty((len(origins), 2), np.float32)
    rays = [np.ascontiguousarray(rays, np.float32) for rays in (origins, directions)]
    _meet(hits, *rays, water, solid, leaps.marks, leaps.free, sign, heeded)
    return hits.T


def rays_from(centre, count=400):
    directions = np.random.default_rng(0).normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return np.broadcast_to(centre, (count, 3)), directions


def test_rays_out_of_a_ball_of_water_meet_its_surface():
    wet, dry = meet(*rays_from((0.5, 0.5, 0.5)), ball(0.5, 0.3), ball(9.0, 0.1), sign=-1.0)
    assert np.abs(wet - 0.3).max() < 0.02 * SPACING + 0.001
    assert np.all(dry == FAR)


@pytest.mark.parametrize("nodes", [17, 33])
def test_the_nearer_of_water_and_solid_is_met(nodes):
    origin = np.array((0.5, 0.5, 0.05))
    origins, directions = rays_from(origin, 2000)
    up = directions[:, 2] > 0.5
    origins, directions = origins[up], directions[up]
    water, solid = ball((0.4, 0.5, 0.6), 0.2), ball((0.65, 0.5, 0.5), 0.15, nodes)

    def exact(centre, radius):
        along = directions @ (np.array(centre) - origin)
        square = radius**2 - ((centre - origin) ** 2).sum() + along**2
        return np.where(square > 0, along - np.sqrt(np.maximum(square, 0)), FAR), square

    (wet, near_wet), (dry, near_dry) = exact((0.4, 0.5, 0.6), 0.2), exact((0.65, 0.5, 0.5), 0.15)
    clear = (np.abs(near_wet) > 0.01) & (np.abs(near_dry) > 0.01) & (np.abs(wet - dry) > 0.03)
    clear |= (near_wet < -0.01) & (near_dry < -0.01)
    seen_wet, seen_dry = meet(origins, directions, water, solid)
    assert clear.sum() > 100 and (dry < wet)[clear].any() and (wet < dry)[clear].any()
    assert np.allclose(seen_wet[clear], np.where(wet < dry, wet, FAR)[clear], atol=0.01)
    assert np.allclose(seen_dry[clear], np.where(dry < wet, dry, FAR)[clear], atol=0.01)
    alone, none = meet(origins, directions, water, solid, heeded=WATER)
    assert np.allclose(alone[clear], wet[clear], atol=0.01) and np.all(none == FAR)


def test_a_start_beyond_the_surface_is_met_at_once():
    wet, dry = meet(*rays_from((0.5, 0.5, 0.5), 8), ball(0.5, 0.3), ball(9.0, 0.1))
    assert np.all(wet == 0) and np.all(dry == FAR)


def test_a_sheet_of_one_node_is_met():
    water = ball(9.0, 0.1)
    water[:, :, NODES // 2] = -0.01
    origins, directions = rays_from((0.5, 0.5, 0.1))
    up = directions[:, 2] > 0.8
    wet, _ = meet(origins[up], directions[up], np.minimum(water, 0.02), ball(9.0, 0.1))
    assert np.all(np.abs(wet * directions[up][:, 2] - 0.4) < SPACING)


def test_nothing_to_be_met():
    free = leaps_over(ball(9.0, 0.1), ball(9.0, 0.1), SPACING).free
    assert free.min() > 0
    wet, dry = meet(*rays_from((0.5, 0.5, 0.5)), ball(9.0, 0.1), ball(9.0, 0.1))
    assert np.all(wet == FAR) and np.all(dry == FAR)
