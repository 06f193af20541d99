import numpy as np
import pytest
import taichi as ti

from fluidsim.render import Camera
from fluidsim.render.arrays import Places, Volume, vec3
from fluidsim.render.beams import (
    carried,
    first_beam,
    mirrored_beam,
    refracted_beam,
    tilted,
    width_of,
)
from fluidsim.render.rays import Pinhole, primary_direction, refracted
from fluidsim.render.sampling import pinhole_of
from fluidsim.render.slopes import slope_and_bend
from tests.render.worlds import on_nodes

NODES, CENTRE, RADIUS = 41, 0.5, 0.3
SIZE = (128, 72)
CAMERA = Camera((0.5, -2.5, 1.2), (0.5, 0.5, 0.5), 15.0)
Rows = ti.types.ndarray(dtype=ti.f32, ndim=2)


@ti.func
def _way(origin, direction, side):
    """To where a ray enters (side -1) or leaves (1) the ball."""
    off = origin - CENTRE
    along = off.dot(direction)
    return side * ti.sqrt(along * along - off.norm_sqr() + RADIUS * RADIUS) - along


@ti.func
def _bent(volume: ti.template(), point, beam):
    slope, bend = slope_and_bend(volume, point * (NODES - 1))
    return slope.normalized(), tilted(beam, slope, bend * (NODES - 1))


@ti.kernel
def _land(
    out: Rows, places: Places, volume: Volume, pinhole: Pinhole, through: int,
):  # fmt: skip
    """Where rays land on the floor, through the ball or mirrored by it, and their beams there."""
    for n in range(out.shape[0]):
        origin, direction = pinhole.eye, primary_direction(pinhole, places[n])
        beam = first_beam(pinhole, places[n])
        way = _way(origin, direction, -1.0)
        origin += way * direction
        facing = (origin - CENTRE).normalized()
        beam = carried(beam, direction, way, facing)
        _, tilt = _bent(volume, origin, beam)
        if through:
            beam = refracted_beam(beam, direction, facing, tilt, False)
            direction, _, _ = refracted(direction, facing, False)
            way = _way(origin, direction, 1.0)
            origin += way * direction
            facing = -(origin - CENTRE).normalized()
            beam = carried(beam, direction, way, facing)
            _, tilt = _bent(volume, origin, beam)
            beam = refracted_beam(beam, direction, facing, -tilt, True)
            direction, _, _ = refracted(direction, facing, True)
        else:
            beam = mirrored_beam(beam, direction, facing, tilt)
            direction -= 2 * direction.dot(facing) * facing
        way = -origin.z / direction.z
        beam = carried(beam, direction, way, vec3(0.0, 0.0, 1.0))
        width = width_of(beam)
        out[n, 0], out[n, 1] = origin.x + way * direction.x, origin.y + way * direction.y
        for axis in ti.static(range(2)):
            out[n, 2 + axis] = beam.place[axis, 0]
            out[n, 4 + axis] = beam.place[axis, 1]
            out[n, 6 + axis] = width[axis]


def landed(places, through):
    ball = np.linalg.norm(on_nodes((NODES,) * 3, 1 / (NODES - 1)) - CENTRE, axis=-1) - RADIUS
    out = np.empty((len(places), 8), np.float32)
    places = np.ascontiguousarray(places, np.float32)
    _land(out, places, ball.astype(np.float32), pinhole_of(CAMERA, SIZE), through)
    return out


@pytest.mark.parametrize("through", [True, False])
def test_a_beam_is_the_difference_of_neighbouring_rays(through):
    pixel = 2 / np.array(SIZE)
    angle = np.random.default_rng(0).uniform(0.2, np.pi - 0.2, 60)
    reach = np.random.default_rng(1).uniform(0.03, 0.25, 60) * (1 if through else -1)
    places = np.stack([reach * np.cos(angle) * SIZE[1] / SIZE[0], reach * np.sin(angle)], -1)
    seen = landed(places, through)
    for axis, beam in enumerate((seen[:, 2:4], seen[:, 4:6])):
        step = np.zeros(2)
        step[axis] = 0.1 * pixel[axis]
        before, after = landed(places - step, through), landed(places + step, through)
        change = (after - before)[:, :2] / 0.2
        size, apart = (np.linalg.norm(each, axis=1) for each in (change, beam - change))
        near = size < 1  # not towards the horizon
        assert near.sum() > 8
        assert np.all(apart[near] < 0.03 * size[near] + 2e-3)
    both = 2 * (np.abs(seen[:, 2:4]) + np.abs(seen[:, 4:6]))
    assert np.allclose(seen[:, 6:], both, rtol=1e-5)
