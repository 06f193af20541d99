import gc

import pytest
import torch

import solvers
from solvers import direct
from tests.solvers.systems import box, random_rhs


@pytest.mark.parametrize(
    ("backend", "package"),
    [("superlu", "scipy"), ("pardiso", "pypardiso"), ("cholmod", "sksparse")],
)
def test_residual_is_small_whatever_the_tolerance(case, backend, package):
    pytest.importorskip(package)
    solution = solvers.solve(case, random_rhs(case), "direct", rtol=1e-3, backend=backend)
    assert solution.relative_residual <= 1e-12
    assert solution.iterations <= 3


def test_factors_live_side_by_side():
    systems = [box((9, 8), rim) for rim in (0.0, 1.0)]
    prepared = [solvers.prepare(system, "direct") for system in systems]
    for _ in range(2):
        for system, factor in zip(systems, prepared, strict=True):
            rhs = random_rhs(system)
            expected = solvers.solve(system, rhs, "cg", rtol=1e-10).pressure
            assert torch.allclose(solvers.solve(system, rhs, factor).pressure, expected)


@pytest.mark.parametrize("backend", ["superlu", "pardiso"])
def test_a_factor_outlives_another(backend):
    pytest.importorskip({"superlu": "scipy", "pardiso": "pypardiso"}[backend])
    systems = [box((9, 8), rim) for rim in (0.0, 1.0)]
    first, second = (solvers.prepare(s, "direct", backend=backend) for s in systems)
    rhs = random_rhs(systems[1])
    expected = solvers.solve(systems[1], rhs, second).pressure
    del first
    gc.collect()
    assert torch.equal(solvers.solve(systems[1], rhs, second).pressure, expected)


def test_refinement_improves_a_poor_factor():
    system = box((16, 16))
    prepared = solvers.prepare(system, "direct", backend="superlu")
    poor = direct.State(
        system, prepared.state.matrix, lambda b: prepared.state.factor(b.astype("f4")) * 1.001
    )
    rhs = system.floating.remove_means(random_rhs(system))
    outcome = prepared.solver.solve(poor, rhs, None, 1e-12)
    assert outcome.iterations > 1
    assert outcome.history[-1] <= 1e-12


def test_missing_backend_names_the_extra(monkeypatch):
    monkeypatch.setattr(direct, "is_installed", lambda backend: False)
    with pytest.raises(ValueError, match=r'pip install "fluidsim-lab\[cholmod\]"'):
        direct.Direct(backend="cholmod")
    system = box((4, 4))
    assert solvers.solve(system, random_rhs(system), "direct").converged


def test_unknown_backend_is_rejected():
    with pytest.raises(ValueError, match="backend must be one of auto, superlu, pardiso, cholmod"):
        direct.Direct(backend="magic")


class LibraryError(Exception):
    """An error of a kind that nobody else knows."""


def failing(matrix):
    raise LibraryError("zero pivot,\nnumerical factorisation failed")


def failing_later(matrix):
    return failing


@pytest.mark.parametrize("library", [failing, failing_later])
def test_an_error_of_the_library_is_what_was_reached(monkeypatch, library):
    monkeypatch.setitem(direct._FACTORISATIONS, "superlu", library)
    system = box((6, 6))
    solution = solvers.solve(system, random_rhs(system), "direct", throw=False, backend="superlu")
    assert not solution.converged and solution.relative_residual == 1.0
    assert solution.notes == "superlu failed: zero pivot, numerical factorisation failed"
    with pytest.raises(solvers.SolveError, match="zero pivot"):
        solvers.solve(system, random_rhs(system), "direct", backend="superlu")


def test_superlu_takes_over_from_a_library_that_fails(monkeypatch):
    monkeypatch.setitem(direct._FACTORISATIONS, "pardiso", failing)
    monkeypatch.setattr(direct, "is_installed", lambda backend: backend == "pardiso")
    system = box((6, 6))
    solution = solvers.solve(system, random_rhs(system), "direct")
    assert solution.converged and solution.notes.startswith("pardiso failed: ")
