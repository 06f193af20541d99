"""The equations of the Schwarz-Schur paper: what they are, and how exactly they are solved."""

import numpy as np
import pytest
import torch

from solvers.model_stencils import CASES, anisotropic, helmholtz, to_scipy
from solvers.schur import factorize

# Relative residuals in float64 of the paper at 513^2 (table 6; Helmholtz with k^2 = 0.1/64 has
# none of its own there).
PUBLISHED = dict(
    zip(CASES, (2.71e-14, 3.03e-14, 5.45e-13, 5.45e-13, 4.30e-12, 3.39e-8), strict=True)
)


def relative_residual(stencil, seed=1):
    rhs = torch.from_numpy(np.random.default_rng(seed).standard_normal(stencil.shape[1:]))
    x, b = factorize(stencil).solve(rhs).reshape(-1).numpy(), rhs.reshape(-1).numpy()
    return np.linalg.norm(b - to_scipy(stencil) @ x) / np.linalg.norm(b)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("pixels", [65, pytest.param(513, marks=pytest.mark.slow)])
def test_residuals_are_no_larger_than_published(case, pixels):
    assert relative_residual(CASES[case]((pixels, pixels))) <= PUBLISHED[case]


def test_the_anisotropic_case_is_a_laplacian():
    matrix = to_scipy(anisotropic((13, 9), 0.0))
    assert abs(matrix - matrix.T).max() < 1e-14
    values = np.linalg.eigvalsh(matrix.toarray())
    assert abs(matrix @ np.ones(matrix.shape[0])).max() < 1e-13
    assert abs(values[0]) < 1e-13 and values[1] > 1e-5
    # linear functions are not annihilated: the grain turns
    assert abs(matrix @ np.arange(float(matrix.shape[0]))).max() > 1e-3


def test_helmholtz_is_indefinite_between_its_eigenvalues():
    n = 9
    lowest = 4 * (1 - np.cos(np.pi / (n + 1)))
    for factor, negative in ((0.9, 0), (1.1, 1)):
        matrix = to_scipy(helmholtz((n, n), factor * lowest)).toarray()
        assert (np.linalg.eigvalsh(matrix) < 0).sum() == negative
