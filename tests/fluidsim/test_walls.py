"""Walls too thin for the grid are said, and only those."""

import math

import pytest
import pyvista
import torch

from fluidsim.solid.mesh import Mesh
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, Cylinder, Sphere
from fluidsim.solid.thin_walls import wall_thickness, wall_warnings
from tests.fluidsim.worlds import cubic

DIMS = pytest.mark.parametrize("dim", [2, 3])


def cup(dim, cells, n=32):
    wall = cells / n
    lower, upper = (0.23,) * dim, (0.71,) * dim
    inner = Box(tuple(x + wall for x in lower), tuple(x - wall for x in upper))
    return Box(lower, upper) - inner


@DIMS
@pytest.mark.parametrize("turn", [0.0, 0.3])
@pytest.mark.parametrize("cells", [0.4, 0.8, 1.2])
def test_the_thickness_of_thin_walls(dim, turn, cells):
    shape = cup(dim, cells).rotated(turn, (0.5,) * dim, (0.0, 1.0, 0.0))
    found = wall_thickness(shape, cubic(dim, 32))
    assert found == pytest.approx(cells, abs=0.15)


@DIMS
def test_thick_solids_and_edges_are_left_in_peace(dim):
    grid = cubic(dim, 32)
    for shape in (cup(dim, 2.0), Sphere((0.5,) * dim, 0.2), Box((0.2,) * dim, (0.5,) * dim)):
        turned = shape.rotated(0.4, (0.5,) * dim, (0.0, 1.0, 0.0))
        assert wall_thickness(turned, grid) is None


def test_the_line_names_the_solid_and_a_resolution_that_does(tmp_path):
    outer = pyvista.Box((0.0, 0.3, 0.0, 0.3, 0.0, 1.0)).triangulate()
    inner = pyvista.Box((0.05, 0.25, 0.05, 0.25, 0.05, 0.95)).triangulate().flip_faces()
    outer.merge(inner).save(tmp_path / "shell.ply")
    grid = cubic(3, 16)
    mesh = Mesh(tmp_path / "shell.ply", (0.5, 0.5, 0.1), 0.8)
    (line,) = wall_warnings([Moving(mesh, (0.5,) * 3), Sphere((0.5,) * 3, 0.2)], grid, 16)
    assert "shell.ply" in line and "may leak" in line
    enough = int(line.split()[-1])
    assert enough == pytest.approx(1.5 / 0.04, rel=0.25)
    assert list(wall_warnings([mesh], cubic(3, math.ceil(1.3 * enough)), enough)) == []


def test_a_shape_outside_of_the_domain_is_no_error():
    assert wall_thickness(Cylinder((5.0, 5.0, 5.0), 0.1, 0.1), cubic(3, 8)) is None
    assert torch.isfinite(torch.tensor(wall_thickness(cup(2, 0.5), cubic(2, 32)) or 0.0))
