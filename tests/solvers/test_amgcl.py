import math

import pytest

import solvers
from solvers import registry
from tests.solvers.systems import box, random_rhs

is_installed = "amgcl" in solvers.available()
needs_amgcl = pytest.mark.skipif(not is_installed, reason="needs pyamgcl")


@needs_amgcl
@pytest.mark.parametrize("coarsening", ["smoothed_aggregation", "ruge_stuben"])
@pytest.mark.parametrize("relaxation", ["spai0", "ilu0"])
def test_every_way_of_coarsening_solves(coarsening, relaxation, dim):
    system = box((23, 17) if dim == 2 else (9, 8, 7), rim=1.0)
    options = {"coarsening": coarsening, "relaxation": relaxation}
    solution = solvers.solve(system, random_rhs(system), "amgcl", rtol=1e-9, **options)
    assert len(solution.residual_history) == solution.iterations + 1
    assert solution.residual_history[-1] <= 1e-9


@needs_amgcl
def test_a_good_guess_needs_no_iteration_and_a_fair_one_fewer(dim):
    system = box((120, 110) if dim == 2 else (28, 24, 26))
    rhs = random_rhs(system)
    cold = solvers.solve(system, rhs, "amgcl", rtol=1e-9)
    again = solvers.solve(system, rhs, "amgcl", rtol=1e-8, guess=cold.pressure)
    assert again.iterations == 0 and not math.isnan(again.residual_history[0])
    near = cold.pressure * (1 + 1e-4)
    assert solvers.solve(system, rhs, "amgcl", rtol=1e-9, guess=near).iterations < cold.iterations


@needs_amgcl
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_iterations": 0}, "max_iterations must be at least 1"),
        ({"coarsening": "magic"}, "coarsening must be one of smoothed_aggregation"),
        ({"relaxation": "magic"}, "relaxation must be one of spai0"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        registry.create("amgcl", options)


@pytest.mark.skipif(is_installed, reason="pyamgcl is installed")
def test_without_the_package_the_error_says_what_to_install():
    with pytest.raises(ValueError, match=r"needs the package pyamgcl: pip install .*\[amgcl\]"):
        registry.create("amgcl", {})
