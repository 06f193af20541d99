import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from fluidsim.render import SolidGrid
from fluidsim.render.cells import at_centres, softened


def test_a_softened_edge_has_smaller_steps():
    x, y = np.meshgrid(*[np.arange(40.0)] * 2, indexing="ij")
    sharp = (x + 0.4 * y < 24).astype(np.float32)
    along = np.linspace(5, 34, 500)
    edge = np.stack([24 - 0.4 * along, along])
    steps = [np.std(map_coordinates(field, edge, order=1)) for field in (sharp, softened(sharp))]
    assert steps[1] < 0.75 * steps[0]
    assert softened(sharp).sum() == pytest.approx(sharp.sum(), rel=0.01)


@pytest.mark.parametrize("finer", [1, 2])
def test_the_distance_at_centres_is_the_mean_of_the_corners(finer):
    plane = np.add.outer(np.arange(4 * finer + 1), 2.0 * np.arange(5 * finer + 1)) / finer
    centres = at_centres(SolidGrid(plane.astype(np.float32), 1.0 / finer), 1.0)
    assert np.allclose(centres, np.add.outer(np.arange(4) + 0.5, 2 * np.arange(5) + 1))
