import numpy as np
import pytest
import torch

import solvers
from solvers.amg import AlgebraicMultigrid
from solvers.ic import IncompleteCholesky
from solvers.nullspace import definite_matrix
from tests.solvers.systems import CASES, box


def some_rhs(system):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(system.shape, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize(
    "solver", [IncompleteCholesky(), AlgebraicMultigrid(coarsening="ruge_stuben")], ids=["ic", "rs"]
)
def test_agrees_with_the_direct_solver(name, dim, solver):
    system = CASES[name](dim)
    rhs = some_rhs(system)
    exact = solvers.solve(system, rhs, "direct", rtol=1e-12).pressure
    found = solvers.solve(system, rhs, solver, rtol=1e-10)
    scale = max(float(exact.abs().max()), 1e-30)
    torch.testing.assert_close(found.pressure, exact, rtol=0, atol=1e-7 * scale)


@pytest.mark.parametrize("modification", [0.0, 0.97])
def test_preconditioner_is_symmetric_and_positive(modification):
    system = CASES["random_mask"](2)
    state = IncompleteCholesky(modification=modification).setup(system)
    inverse = np.stack([state.precondition(e) for e in np.eye(system.unknowns)])
    np.testing.assert_allclose(inverse, inverse.T, atol=1e-12 * np.abs(inverse).max())
    assert np.linalg.eigvalsh(inverse).min() > 0


def test_full_modification_keeps_row_sums():
    """Without dropped pivots (D + L) D^-1 (D + L)^T has the row sums of the matrix."""
    system = box((9, 8), rim=1.0)
    state = IncompleteCholesky(modification=1.0, safety=1e-6).setup(system)
    ones = np.ones(system.unknowns)
    np.testing.assert_allclose(state.precondition(definite_matrix(system) @ ones), ones, rtol=1e-9)


def test_fewer_iterations_than_jacobi_and_than_plain_ic():
    system = box((96, 96), rim=1.0)
    rhs = some_rhs(system)
    count = {
        "cg": solvers.solve(system, rhs, "cg").iterations,
        "ic0": solvers.solve(system, rhs, IncompleteCholesky(modification=0.0)).iterations,
        "ic": solvers.solve(system, rhs, "ic").iterations,
    }
    assert count["ic"] < count["ic0"] < 0.6 * count["cg"]
    assert count["ic"] <= 40


def test_options_are_checked():
    with pytest.raises(ValueError, match="coarsening"):
        AlgebraicMultigrid(coarsening="magic")
    with pytest.raises(ValueError, match="modification"):
        IncompleteCholesky(modification=2.0)
