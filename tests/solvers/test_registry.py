import pytest

import solvers
from solvers import registry
from solvers.model_systems import model_system


def test_available_names_are_sorted():
    assert solvers.available() == sorted(solvers.available())
    assert {"amg", "cg", "direct", "multigrid"} <= set(solvers.available())


@pytest.mark.parametrize("name", solvers.available())
def test_each_solver_knows_its_name_and_describes_itself(name):
    assert registry.create(name, {}).name == name
    line = solvers.describe(name)
    assert line and "\n" not in line and len(line) < 100


def test_unknown_name_lists_what_there_is():
    with pytest.raises(ValueError, match=r"unknown solver 'magic'; available: amg, .*cg, .*direct"):
        registry.create("magic", {})


def test_unknown_option_lists_what_there_is():
    with pytest.raises(ValueError, match="cg has no option max_iter; it has: max_iterations"):
        registry.create("cg", {"max_iter": 3})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("multigrid:sweeps=3", ("multigrid", {"sweeps": 3})),
        (
            "ic:modification=0.9,max_iterations=7",
            ("ic", {"modification": 0.9, "max_iterations": 7}),
        ),
        ("npsdo:weights=a/b.safetensors", ("npsdo", {"weights": "a/b.safetensors"})),
        ("schur:precision=float32", ("schur", {"precision": "float32"})),
    ],
)
def test_options_may_follow_a_name(text, expected):
    name, options = expected
    assert registry.create(text, {}) == registry.create(name, options)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cg:max_iter=3", "cg has no option max_iter; it has: max_iterations"),
        ("cg:max_iterations=few", "option max_iterations must be a whole number, not 'few'"),
        ("cg:max_iterations", "'max_iterations' is no option of a solver; write NAME:OPTION=VALUE"),
        ("multigrid:factors=1", "option factors cannot be given as text"),
    ],
)
def test_options_that_are_none_are_refused(text, said):
    with pytest.raises(ValueError, match=said):
        registry.create(text, {})


def test_a_solve_takes_a_name_with_options():
    stored = model_system("dam", (16, 16))
    one, four = (
        solvers.solve(stored.system, stored.rhs, f"multigrid:sweeps={sweeps}").iterations
        for sweeps in (1, 4)
    )
    assert one > four
