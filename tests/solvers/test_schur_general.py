import math

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg
import torch
from torch import Tensor

from solvers.schur import factorize

STEPS = {
    5: [(-1, 0), (0, -1), (0, 0), (0, 1), (1, 0)],
    9: [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)],
}
SHAPES = [(1, 1), (2, 3), (1, 19), (13, 17), (24, 31)]


def matrix(stencil: Tensor) -> sp.csc_matrix:
    """The matrix of a stencil (planes, H, W), entry by entry."""
    planes, height, width = stencil.shape
    result = sp.lil_matrix((height * width,) * 2, dtype=stencil.numpy().dtype)
    for plane, (di, dj) in enumerate(STEPS[planes]):
        for i in range(max(0, -di), height - max(0, di)):
            for j in range(max(0, -dj), width - max(0, dj)):
                result[i * width + j, (i + di) * width + j + dj] = stencil[plane, i, j].item()
    return result.tocsc()


def random(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def check(stencil: Tensor, rtol: float, patch: int = 4) -> None:
    """Both solves against SciPy for two right-hand sides."""
    height, width = stencil.shape[-2:]
    rhs = random(2, height, width, dtype=stencil.dtype, seed=1)
    factor, exact = factorize(stencil, patch), matrix(stencil)
    for transpose in (False, True):
        a = exact.T.tocsc() if transpose else exact
        columns = rhs.reshape(2, -1).numpy().T
        expected = scipy.sparse.linalg.splu(a).solve(columns)
        found = factor.solve(rhs, transpose=transpose).reshape(2, -1).numpy().T
        assert np.linalg.norm(found - expected) <= rtol * np.linalg.norm(expected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("planes", [5, 9])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_nonsymmetric_stencils(shape, planes, dtype):
    stencil = random(planes, *shape, dtype=dtype)
    stencil[planes // 2] += 4.0
    check(stencil, 1e-10)


@pytest.mark.parametrize("patch", [2, 3, 8, 64])
def test_answer_does_not_depend_on_the_patch(patch):
    stencil = random(9, 21, 18)
    stencil[4] += 4.0
    check(stencil, 1e-10, patch)


@pytest.mark.parametrize("waves", [2, 5, 9])
@pytest.mark.parametrize("absorbing", [False, True])
def test_helmholtz(waves, absorbing):
    """-laplacian - k^2 on the unit square is indefinite; with a damped rim it is complex."""
    n = 40
    k = 2.0 * math.pi * waves + 0.1
    stencil = torch.full((5, n, n), -1.0, dtype=torch.complex128 if absorbing else torch.float64)
    stencil[2] = 4.0 - (k / (n + 1)) ** 2
    if absorbing:
        for side in (0, -1):
            stencil[2, side] -= 1.0 - 1j * k / (n + 1)
            stencil[2, :, side] -= 1.0 - 1j * k / (n + 1)
    check(stencil, 1e-9)


def test_neumann_rim_is_a_matter_of_coefficients():
    """A closed box with a little absorption, both neighbours along each axis."""
    stencil = torch.full((5, 15, 22), -1.0, dtype=torch.float64)
    stencil[2] = 4.01
    for side in (0, -1):
        stencil[2, side] -= 1.0
        stencil[2, :, side] -= 1.0
    check(stencil, 1e-10)
    solution = factorize(stencil).solve(torch.ones(15, 22, dtype=torch.float64))
    assert torch.allclose(solution, torch.full_like(solution, 100.0))


def test_anisotropic_laplacian():
    """Diffusion 1000 times stronger along a diagonal, which needs all nine planes."""
    along, across, mixed = 500.5, 500.5, 499.5
    stencil = torch.zeros(9, 33, 29, dtype=torch.float64)
    for plane, weight in {1: along, 7: along, 3: across, 5: across}.items():
        stencil[plane] = -weight
    for plane, sign in {0: 1, 8: 1, 2: -1, 6: -1}.items():
        stencil[plane] = -0.5 * sign * mixed
    stencil[4] = -(stencil.sum(dim=0) - stencil[4])
    check(stencil, 1e-9)


def test_batches_and_many_right_hand_sides():
    stencil, rhs = random(2, 3, 9, 11, 14), random(2, 3, 4, 2, 11, 14, seed=1)
    stencil[:, :, 4] += 5.0
    found = factorize(stencil).solve(rhs)
    assert found.shape == rhs.shape
    for i in range(2):
        for j in range(3):
            single = factorize(stencil[i, j])
            for k in range(4):
                assert torch.allclose(found[i, j, k], single.solve(rhs[i, j, k]), atol=1e-12)
    assert factorize(stencil).solve(rhs[:, :, 0, 0]).shape == (2, 3, 11, 14)


def test_transposed_solve_is_the_adjoint():
    stencil = random(9, 26, 19, dtype=torch.complex128)
    stencil[4] += 4.0
    factor = factorize(stencil)
    a, b = (random(26, 19, dtype=torch.complex128, seed=seed) for seed in (1, 2))
    direct, adjoint = (a * factor.solve(b)).sum(), (factor.solve(a, transpose=True) * b).sum()
    assert torch.allclose(direct, adjoint, rtol=1e-12)


def test_refinement_wins_back_what_small_pivots_cost():
    stencil = random(9, 40, 40, dtype=torch.float32)
    rhs = random(40, 40, dtype=torch.float32, seed=1)
    factor, exact = factorize(stencil), matrix(stencil.double())
    residuals = []
    for refinements in (0, 3):
        x = factor.solve(rhs, refinements=refinements).double()
        left = rhs.double().ravel().numpy() - exact @ x.ravel().numpy()
        residuals.append(np.linalg.norm(left))
    assert residuals[1] <= residuals[0]


def test_a_factor_gives_the_same_bits_each_time():
    stencil, rhs = random(5, 20, 20), random(20, 20, seed=1)
    factor = factorize(stencil)
    assert torch.equal(factor.solve(rhs), factor.solve(rhs))
    assert torch.equal(factor.solve(rhs), factorize(stencil).solve(rhs))


@pytest.mark.parametrize(
    ("stencil", "message"),
    [
        (torch.ones(4, 8, 8), r"shape \(..., 5 or 9, H, W\), not \(4, 8, 8\)"),
        (torch.ones(8, 8), r"shape \(..., 5 or 9, H, W\), not \(8, 8\)"),
        (torch.ones(5, 8, 8, dtype=torch.int64), "float or complex, not torch.int64"),
    ],
)
def test_unusable_stencils_are_rejected(stencil, message):
    with pytest.raises(ValueError, match=message):
        factorize(stencil)


def test_rhs_must_fit_the_stencil():
    factor = factorize(torch.ones(2, 5, 8, 8))
    with pytest.raises(ValueError, match=r"rhs must have shape \(2, ..., 8, 8\), not \(8, 8\)"):
        factor.solve(torch.ones(8, 8))
