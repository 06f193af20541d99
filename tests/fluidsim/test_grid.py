import pytest
import torch

from fluidsim.grid.grid import Grid
from tests.fluidsim.worlds import CPU, oblong


def test_covering_counts_cells_along_the_longest_side():
    grid = Grid.covering((1.0, 0.5, 0.25), 64)
    assert grid.shape == (64, 32, 16)
    assert grid.dx == 1 / 64
    assert grid.extent == (1.0, 0.5, 0.25)


@pytest.mark.parametrize("dim", [2, 3])
def test_views_share_memory_and_have_face_shapes(dim):
    grid = oblong(dim)
    field = grid.zeros(CPU, dim)
    for axis in range(dim):
        faces = grid.faces(field, axis)
        assert faces.shape == tuple(n + (k == axis) for k, n in enumerate(grid.shape))
        faces.fill_(1 + axis)
        assert int((field[axis] == 1 + axis).sum()) == faces.numel()
    assert grid.cells(field).shape == (dim, *grid.shape)


@pytest.mark.parametrize("dim", [2, 3])
def test_strides_lead_to_the_neighbour(dim):
    grid = oblong(dim)
    index = torch.arange(grid.node_count).view(grid.nodes)
    for axis, stride in enumerate(grid.strides):
        steps = index.narrow(axis, 1, grid.shape[axis]) - index.narrow(axis, 0, grid.shape[axis])
        assert (steps == stride).all()


@pytest.mark.parametrize("dim", [2, 3])
def test_positions_of_faces_lie_between_cells(dim):
    grid = oblong(dim)
    centres = grid.cell_positions(CPU)
    for axis in range(dim):
        faces = grid.face_positions(axis, CPU)
        offset = torch.zeros(dim)
        offset[axis] = grid.dx / 2
        torch.testing.assert_close(faces + offset, centres)
