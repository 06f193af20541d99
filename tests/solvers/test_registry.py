import pytest

import solvers
from solvers import registry


def test_available_names_are_sorted():
    assert solvers.available() == sorted(solvers.available())
    assert {"amg", "cg", "direct", "multigrid"} <= set(solvers.available())


@pytest.mark.parametrize("name", solvers.available())
def test_each_solver_knows_its_name_and_describes_itself(name):
    assert registry.create(name, {}).name == name
    line = solvers.describe(name)
    assert line and "\n" not in line and len(line) < 100


def test_unknown_name_lists_what_there_is():
    with pytest.raises(ValueError, match=r"unknown solver 'magic'; available: amg, .*cg, direct"):
        registry.create("magic", {})


def test_unknown_option_lists_what_there_is():
    with pytest.raises(ValueError, match="cg has no option max_iter; it has: max_iterations"):
        registry.create("cg", {"max_iter": 3})
