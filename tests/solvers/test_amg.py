import pytest

import solvers
from tests.solvers.systems import CASES, box, random_rhs


@pytest.mark.parametrize("shape", [(64, 64), (128, 128), (20, 20, 20)])
@pytest.mark.parametrize("rim", [0.0, 1.0])
def test_iterations_hardly_grow_with_the_grid(shape, rim):
    system = box(shape, rim)
    assert solvers.solve(system, random_rhs(system), "amg").iterations <= 10


def test_iterations_are_bounded_on_every_case(case):
    assert solvers.solve(case, random_rhs(case), "amg").iterations <= 15


def test_more_sweeps_save_iterations():
    system = CASES["obstacle"](3)
    rhs = random_rhs(system)
    once = solvers.solve(system, rhs, "amg", rtol=1e-10)
    thrice = solvers.solve(system, rhs, "amg", rtol=1e-10, sweeps=3)
    assert thrice.iterations < once.iterations


@pytest.mark.parametrize("option", ["max_iterations", "sweeps"])
def test_bad_options_are_rejected(option):
    system = box((2, 2))
    with pytest.raises(ValueError, match="must be at least 1"):
        solvers.solve(system, random_rhs(system), "amg", **{option: 0})
