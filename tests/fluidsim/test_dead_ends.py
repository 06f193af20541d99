"""Pockets of one opening in the staircase of cells behind a curved wall."""

import pytest
import torch

from fluidsim import SmokeScene
from fluidsim.solid.shapes import Sphere

CELLS = 32


def pockets(solids) -> torch.Tensor:
    """(*shape) bool: cells with one open face, whose middle is in a solid."""
    grid = solids.grid
    ways = torch.zeros(grid.shape, dtype=torch.int64)
    for axis, n in enumerate(grid.shape):
        faces = grid.faces(solids.open, axis) > 0
        ways += faces.narrow(axis, 0, n).long() + faces.narrow(axis, 1, n)
    places = [(torch.arange(n) + 0.5) * grid.dx for n in grid.shape]
    middles = torch.stack(torch.meshgrid(*places, indexing="ij"), -1)
    return (ways == 1) & (solids.distance_at(middles, time=0.0) < 0)


def a_ball(dim: int, radius: float) -> SmokeScene:
    middle = (0.5,) * dim
    return SmokeScene(size=(1.0,) * dim, solids=[Sphere(middle, radius)])


@pytest.mark.parametrize("dim", [2, 3])
def test_no_cell_in_a_solid_has_a_single_opening(dim, monkeypatch):
    def without(opened, *others):
        return opened

    radii = [(8 + 0.01 * n) / CELLS for n in range(0, 100, 25 if dim == 3 else 4)]
    closed = [a_ball(dim, r).start(resolution=CELLS, threads=1).solids for r in radii]
    assert not any(bool(pockets(each).any()) for each in closed)
    monkeypatch.setattr("fluidsim.solid.solids.without_dead_ends", without)
    left = [a_ball(dim, r).start(resolution=CELLS, threads=1).solids for r in radii]
    assert any(bool(pockets(each).any()) for each in left)
    for before, after in zip(left, closed, strict=True):
        same = before.open == after.open
        assert bool((after.open[~same] == 0).all()) and float((~same).float().mean()) < 0.01
