import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from fluidsim.render import SolidGrid
from fluidsim.render.solids import scaled_solid

NODES = np.stack(np.meshgrid(*[np.arange(33.0)] * 3, indexing="ij"), -1) - 16


def test_an_edge_between_the_nodes_has_no_teeth():
    """An edge that runs between the nodes: values interpolated on it vary from node to node."""
    lean = np.maximum(NODES[..., 0] + 0.3 * NODES[..., 2], NODES[..., 1] - 0.2 * NODES[..., 2])
    z = np.linspace(-8, 8, 400)
    edge = np.stack([-0.3 * z, 0.2 * z, z]) + 16
    exact = lean.astype(np.float32)
    drawn = scaled_solid(SolidGrid(exact, 1.0), 1.0)
    teeth = [np.std(map_coordinates(field, edge, order=1)) for field in (exact, drawn)]
    assert teeth[1] < 0.5 * teeth[0]


def test_what_is_smooth_stays_where_it_is():
    ball = (np.linalg.norm(NODES, axis=-1) - 10).astype(np.float32)
    drawn = scaled_solid(SolidGrid(ball, 1.0), 1.0)
    near = np.abs(ball) < 2
    assert np.abs(drawn - ball)[near].max() < 0.02


@pytest.mark.parametrize("centre", [0.0, 0.3])
def test_a_plate_of_little_more_than_a_node_remains(centre):
    plate = (np.abs(NODES[..., 2] - centre) - 0.6).astype(np.float32)
    drawn = scaled_solid(SolidGrid(plate, 1.0), 1.0)
    assert (drawn[:, :, 16] < 0).all()


def test_without_solids_everything_is_far_away():
    assert scaled_solid(None, 1.0).min() > 1
