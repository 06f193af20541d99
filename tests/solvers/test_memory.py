"""The memory that solvers are said to take."""

import pytest

import solvers
from solvers.memory import needed


@pytest.mark.parametrize("solver", solvers.available())
@pytest.mark.parametrize("dim", [2, 3])
def test_more_cells_and_more_unknowns_need_more(solver, dim):
    sizes = [n**dim for n in (16, 32, 64, 128)]
    full = [needed(solver, dim, cells, cells) for cells in sizes]
    assert full == sorted(full) and full[0] > 0
    for cells, most in zip(sizes, full, strict=True):
        assert needed(solver, dim, cells, cells // 4) <= most


def test_factors_grow_faster_than_the_grid_in_3d_and_hardly_so_in_2d():
    for solver, most in (("schur", 16), ("direct", 36)):
        growth = [
            needed(solver, dim, (2 * n) ** dim, (2 * n) ** dim)
            / needed(solver, dim, n**dim, n**dim)
            for dim, n in ((2, 512), (3, 64))
        ]
        assert 4 < growth[0] < 5 and 13 < growth[1] < most


def test_options_count_and_strangers_are_taken_for_the_default():
    single, double = (needed(f"schur{o}", 3, 10**6, 10**6) for o in (":precision=float32", ""))
    assert 0.5 < single / double < 0.6
    assert needed("mine:sweeps=3", 3, 1000, 500) == needed("multigrid", 3, 1000, 500)
