import numpy as np
import pytest

from fluidsim.render.clear_air import clear_ways


@pytest.mark.parametrize("shape", [(9, 14, 11), (70, 5, 33)])
def test_no_way_reaches_a_value_between_cells_that_is_smoke(shape):
    """From random places, checked against the cells around all places at that distance."""
    random = np.random.default_rng(0)
    spacing = 0.5
    smoke = random.random(shape) < 0.003
    smoke[tuple(n // 3 for n in shape)] = True
    ways, side = clear_ways(smoke, spacing)
    places = random.random((500, 3)) * shape * spacing
    way = ways[tuple((places / side).astype(int).T)]
    centres = (np.argwhere(smoke) + 0.5) * spacing
    away = np.abs(places[:, None] - centres).max(-1).min(1)  # where values are above 0: a cube
    distance = np.linalg.norm(
        np.maximum(np.abs(places[:, None] - centres) - spacing, 0), axis=-1
    ).min(1)
    assert (way <= distance + 1e-5).all()
    assert (way[away > 0.4 * max(shape) * spacing] > 0).all()


def test_without_smoke_the_way_is_longer_than_the_domain():
    ways, _ = clear_ways(np.zeros((8, 8, 16), bool), 1 / 16)
    assert ways.min() > np.sqrt(3)
