import math

import pytest
import torch

import solvers
from solvers import PoissonSystem, SolveError
from solvers.cg import ConjugateGradient
from tests.solvers.judge import independent_residual
from tests.solvers.systems import CASES, box, random_rhs

ALL = solvers.available()


@pytest.mark.parametrize("name", ALL)
def test_solver_agrees_with_the_factorisation(case, name):
    rhs = random_rhs(case)
    reference = solvers.solve(case, rhs, "direct", rtol=1e-12, backend="superlu").pressure
    solution = solvers.solve(case, rhs, name, rtol=1e-10)
    assert solution.converged and solution.relative_residual <= 1e-10
    difference = torch.linalg.vector_norm(solution.pressure - reference)
    assert difference <= 1e-8 * torch.linalg.vector_norm(reference)


@pytest.mark.parametrize("name", ALL)
def test_pressure_solves_the_system_and_has_no_means(case, name):
    rhs = random_rhs(case)
    solution = solvers.solve(case, rhs, name, rtol=1e-8)
    assert solution.relative_residual <= 1e-8
    truth = independent_residual(case, rhs, solution.pressure)
    assert truth == pytest.approx(solution.relative_residual, rel=0.1, abs=1e-13)
    assert (solution.pressure[~case.active] == 0).all()
    for label in range(case.floating.count):
        inside = solution.pressure[case.floating.labels == label]
        assert abs(inside.mean()) <= 1e-14 * inside.abs().max()


@pytest.mark.parametrize("name", ALL)
def test_solution_is_complete(name):
    system = CASES["obstacle"](2)
    solution = solvers.solve(system, random_rhs(system), name)
    assert solution.solver == name
    assert solution.pressure.dtype == torch.float64
    assert solution.setup_seconds > 0 and solution.solve_seconds > 0
    assert len(solution.residual_history) == solution.iterations + 1
    if name != "mgno":  # whose history begins after its guess
        assert solution.residual_history[0] == pytest.approx(1.0)
    assert solution.residual_history[-1] == pytest.approx(solution.relative_residual, rel=0.1)


@pytest.mark.parametrize("name", ALL)
def test_repeated_solves_are_bitwise_equal(dim, name):
    system = CASES["free_surface"](dim)
    first, second = (solvers.solve(system, random_rhs(system), name) for _ in range(2))
    assert torch.equal(first.pressure, second.pressure)
    assert first.residual_history == second.residual_history


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("make_rhs", [torch.zeros, torch.ones])
def test_rhs_without_variation_gives_zero_pressure(name, make_rhs):
    """In a closed box a constant rhs is zero once its mean is removed."""
    solution = solvers.solve(box((33, 7)), 0.1 * make_rhs(33, 7), name)
    assert solution.converged
    assert (solution.iterations, solution.relative_residual) == (0, 0.0)
    assert (solution.pressure == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_rhs_of_lower_precision_is_solved_in_float64(dtype):
    system = box((9, 9), rim=1.0)
    rhs = random_rhs(system).to(dtype)
    solution = solvers.solve(system, rhs, rtol=1e-12)
    assert torch.equal(solution.pressure, solvers.solve(system, rhs.double(), rtol=1e-12).pressure)


def test_values_in_inactive_cells_do_not_count(dim):
    system = CASES["free_surface"](dim)
    rhs = random_rhs(system)
    spoilt = torch.where(system.active, rhs, torch.nan)
    expected = solvers.solve(system, rhs, guess=rhs)
    solution = solvers.solve(system, spoilt, guess=spoilt)
    assert torch.equal(solution.pressure, expected.pressure)


@pytest.mark.parametrize("name", ["amg", "cg", "multigrid"])
def test_guess_saves_iterations(dim, name):
    system = CASES["obstacle"](dim)
    rhs = random_rhs(system)
    cold = solvers.solve(system, rhs, name)
    nearby = cold.pressure + 1e-4 * random_rhs(system, seed=1)
    warm = solvers.solve(system, rhs, name, guess=nearby)
    assert 0 < warm.iterations < 0.8 * cold.iterations
    again = solvers.solve(system, rhs, name, guess=cold.pressure)
    assert again.iterations <= 1


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("case_name", ["closed_box", "density_jump", "many_pockets"])
def test_hopeless_guess_is_overcome(dim, name, case_name):
    system = CASES[case_name](dim)
    rhs = random_rhs(system)
    guess = 1e8 * random_rhs(system, seed=1) + 1e10
    assert solvers.solve(system, rhs, name, guess=guess, rtol=1e-9).converged


def test_failure_carries_the_partial_solution():
    system = box((20, 20), rim=1.0)
    rhs = random_rhs(system)
    with pytest.raises(SolveError) as caught:
        solvers.solve(system, rhs, "cg", rtol=1e-9, max_iterations=5)
    message, solution = str(caught.value), caught.value.solution
    assert "solver cg reached relative residual" in message
    assert "above rtol 1.00e-09 after 5 iterations" in message
    assert "\n" not in message
    assert not solution.converged and solution.iterations == 5
    assert 1e-9 < solution.relative_residual < 1
    silent = solvers.solve(system, rhs, "cg", rtol=1e-9, throw=False, max_iterations=5)
    assert not silent.converged
    assert torch.equal(silent.pressure, solution.pressure)


@pytest.mark.parametrize("name", ALL)
def test_impossible_tolerance_ends(name):
    system = CASES["density_jump"](2)
    solution = solvers.solve(system, random_rhs(system), name, rtol=1e-30, throw=False)
    assert not solution.converged
    assert solution.relative_residual < 1e-10
    assert solution.iterations < 1000


def test_prepared_solver_serves_many_rhs(case):
    for name in ALL:
        prepared = solvers.prepare(case, name)
        for seed in range(2):
            rhs = random_rhs(case, seed)
            solution = solvers.solve(case, rhs, prepared)
            assert solution.setup_seconds == 0.0
            assert torch.equal(solution.pressure, solvers.solve(case, rhs, name).pressure)


def test_solver_object_is_accepted():
    system = box((8, 8))
    rhs = random_rhs(system)
    by_object = solvers.solve(system, rhs, ConjugateGradient(max_iterations=50))
    assert torch.equal(by_object.pressure, solvers.solve(system, rhs, "cg").pressure)


SYSTEM = box((4, 5))
RHS = torch.ones(4, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rhs": torch.ones(5, 4)}, r"rhs must have shape \(4, 5\), not \(5, 4\)"),
        ({"rhs": torch.ones(4, 5, dtype=torch.int64)}, "rhs must be a tensor of floats"),
        ({"rhs": RHS.to("meta")}, "rhs is on meta, the system on cpu"),
        ({"rhs": RHS * math.nan}, "rhs holds NaN"),
        ({"rhs": RHS * math.inf}, "rhs holds NaN or Inf"),
        ({"guess": torch.ones(4)}, "guess must have shape"),
        ({"guess": RHS * math.nan}, "guess holds NaN"),
        ({"rtol": 0.0}, "rtol must be positive"),
        ({"rtol": math.nan}, "rtol must be positive"),
        ({"solver": "magic"}, "unknown solver 'magic'; available: amg, "),
        ({"solver": "cg", "colour": 3}, "solver cg has no option colour"),
        ({"solver": ConjugateGradient(), "max_iterations": 3}, "options go with a solver's name"),
        ({"solver": solvers.prepare(SYSTEM), "engine": "torch"}, "options go to prepare"),
        ({"solver": solvers.prepare(box((4, 5)))}, "prepared for another system"),
    ],
)
def test_bad_arguments_are_rejected(arguments, message):
    with pytest.raises(ValueError, match=message):
        solvers.solve(**{"system": SYSTEM, "rhs": RHS, **arguments})


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_bad_weights_are_rejected(value):
    weights = tuple(w.clone() for w in SYSTEM.face_weights)
    weights[1][2, 3] = value
    with pytest.raises(ValueError, match=r"face_weights\[1\] must be finite and not negative"):
        solvers.solve(PoissonSystem(weights, SYSTEM.active), RHS)
