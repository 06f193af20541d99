"""Below the learned level: iterations hardly grow, and the interpolation crosses no wall."""

import pytest
import torch

import solvers
from solvers.npsdo.coarse import Ground
from solvers.npsdo.data import Split, held_out
from solvers.npsdo.scaling import scaling
from tests.solvers.npsdo.test_engine import SIZES, random_image
from tests.solvers.systems import Cells, generator


@pytest.mark.parametrize(
    ("size", "most"), [(128, 9), (256, 12), pytest.param(512, 14, marks=pytest.mark.slow)]
)
def test_iterations_hardly_grow_with_the_grid(size, most):
    """Among the problems are grains of solid (256), drops and thin walls (256 and 512)."""
    problems = held_out(Split.VALIDATION, 2, [size], [], seed=0)
    counts = [solvers.solve(each.system, each.rhs[0], "npsdo").iterations for each in problems]
    assert sum(counts) / len(counts) <= most


def test_no_wall_is_crossed_by_the_interpolation(dim):
    """Two rooms and a wall one cell thick, at an even and at an odd place: an x in one room."""
    for place in (8, 9):
        cells = Cells.fluid(*(20,) * dim)
        cells.solid[place] = True
        system = cells.system()
        interpolation = Ground.of(system, scaling(system)).interpolation
        x = torch.zeros((1, *(10,) * dim))
        x[:, : place // 2 if place % 2 == 0 else place // 2 + 1] = 1.0
        fine = interpolation(x)[0]
        assert (fine[:place] - 1.0).abs().max() < 1e-6
        assert fine[place:].abs().max() == 0.0


def test_interpolation_is_linear_away_from_walls():
    system = Cells.fluid(12, 12).system()
    line = torch.arange(6.0)[None, :, None].expand(1, 6, 6).contiguous()
    fine = Ground.of(system, scaling(system)).interpolation(line)[0]
    assert torch.allclose(fine[2:-2, 4], (torch.arange(12.0) / 2 - 0.25)[2:-2])


@pytest.mark.parametrize("seed", range(4))
def test_sums_are_the_adjoint_of_the_interpolation(dim, seed):
    for shape in SIZES[dim]:
        system = random_image(shape, seed)
        ground = Ground.of(system, scaling(system))
        random = generator(seed)
        x = torch.randn((1, *((n + 1) // 2 for n in shape)), generator=random).double()
        y = torch.randn((1, *shape), generator=random).double()
        forth = float((y * ground.interpolation(x)).sum())
        assert float((x * ground.interpolation.adjoint(y)).sum()) == pytest.approx(forth, rel=1e-5)


def test_what_lies_below_is_symmetric_and_has_that_gradient(dim):
    system = random_image(SIZES[dim][2], 1)
    ground = Ground.of(system, scaling(system))
    shape = (1, *((n + 1) // 2 for n in system.shape))
    a, b = torch.randn((2, *shape), generator=generator(0))
    forth, back = float((a * ground.solve(b)).sum()), float((b * ground.solve(a)).sum())
    assert forth == pytest.approx(back, rel=1e-3, abs=1e-3)
    b.requires_grad_()
    (a * ground.solve(b)).sum().backward()
    assert b.grad is not None
    torch.testing.assert_close(b.grad, ground.solve(a))
