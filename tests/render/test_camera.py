import numpy as np
import pytest

from fluidsim.render import Camera
from fluidsim.render.rays import REFRACTION


@pytest.mark.parametrize("extent", [(1, 1, 1), (4, 1, 1), (0.2, 0.2, 1.5), (30, 60, 10)])
@pytest.mark.parametrize("aspect", [16 / 9, 1.0])
def test_framing_holds_the_box(extent, aspect):
    camera = Camera.framing(extent, aspect)
    corners = np.array(list(np.ndindex(2, 2, 2))) * extent
    seen = camera.project(corners, aspect)
    assert np.abs(seen).max() < 1
    assert np.abs(seen).max() > 0.9
    assert np.allclose(seen.max(0) + seen.min(0), 0, atol=0.02)
    assert camera.eye[2] > 0


def test_projection_and_scale():
    camera = Camera((0, -4, 0), (0, 0, 0), field_of_view=90)
    assert np.allclose(camera.project(np.array([(0, 0, 0), (4, 0, 4)]), 1.0), [(0, 0), (1, 1)])
    points = np.array([(0.3, 0.2, 0.1)])
    assert np.allclose(camera.scaled(3).project(3 * points, 1.5), camera.project(points, 1.5))
    assert camera.distance == 4


@pytest.mark.parametrize("extent", [(1, 1, 1), (2, 1, 1)])
def test_a_tank_of_water_shows_no_wedge_in_its_far_corners(extent):
    camera = Camera.framing(extent)
    for corner in ((1, 1), (0, 0)):  # right and left in the picture
        places = np.array([(*corner, part) for part in (0.05, 0.2, 0.35)]) * extent
        rays = places - camera.eye
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        along = rays[:, 1] if corner == (1, 1) else -rays[:, 0]
        leaving = 1 - REFRACTION**2 + along**2  # square of the cosine behind the next side
        assert np.all(leaving < 0.133**2)  # less than half of the light would pass
