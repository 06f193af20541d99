"""The guess from a run's last solutions is the nearest that they have to the next one."""

import dataclasses

import numba
import pytest
import torch

import solvers
from solvers.history import FEW, History
from solvers.model_systems import model_system
from tests.solvers.systems import CASES, box, random_rhs

SMALL = {"no_fluid", "one_cell", "isolated_cell"}  # hardly more cells than solutions
DIMS = pytest.mark.parametrize("dim", [2, 3])


def right_hand_side(system, seed):
    """Without means, as a right-hand side is that the system can have."""
    return system.floating.remove_means(torch.where(system.active, random_rhs(system, seed), 0.0))


def solved(system, rhs):
    return solvers.solve(system, rhs, "direct", rtol=1e-11).pressure


def taught(system, history, count, seed=0):
    """The history after so many solves; and their solutions."""
    solutions = []
    for turn in range(count):
        rhs = right_hand_side(system, seed + turn)
        history.guess(system, rhs)
        solutions.append(solved(system, rhs))
        history.learn(rhs, solutions[-1])
    return solutions


def is_nearest(system, rhs, guess, solutions):
    """What is left is orthogonal to all of the solutions."""
    left = rhs - system.apply(guess)
    assert float(left.norm()) > 1e-3 * float(rhs.norm())
    for q in solutions:
        assert abs(float((q * left).sum())) <= 1e-9 * float(q.norm() * rhs.norm())


@DIMS
@pytest.mark.parametrize("most", [None, 2, 3])
@pytest.mark.parametrize("name", sorted(CASES.keys() - SMALL))
def test_the_guess_is_nearest_in_the_norm_of_the_error(name, most, dim):
    system, history = CASES[name](dim), History(most)
    count = FEW if most is None else most
    solutions = taught(system, history, 6)  # by default the first one tells that the system stays
    rhs = right_hand_side(system, 6)
    guess = history.guess(system, rhs)
    assert guess is not None
    is_nearest(system, rhs, guess, solutions[-count:])
    assert len(history.memory()["solutions"]) == count


@DIMS
@pytest.mark.parametrize("name", sorted(SMALL))
def test_few_cells_are_solved_by_the_guess_if_there_is_one(name, dim):
    system, history = CASES[name](dim), History()
    taught(system, history, 6)
    rhs = right_hand_side(system, 6)
    guess = history.guess(system, rhs)
    assert (guess is None) == (system.floating.remove_means(rhs).norm() == 0)
    if guess is not None and system.unknowns <= FEW:
        torch.testing.assert_close(system.apply(guess), rhs)


@DIMS
def test_what_combines_earlier_right_hand_sides_is_solved(dim):
    system, history = box((12, 9, 7)[:dim], rim=1.0), History()
    first, second, *_ = taught(system, history, FEW + 1)[1:]
    rhs = system.apply(2.0 * first - 0.5 * second)
    assert torch.allclose(history.guess(system, rhs), 2.0 * first - 0.5 * second, atol=1e-9)


def test_one_solution_is_no_guess_and_none_is_kept_where_none_is_wanted():
    system = box((12, 9), rim=1.0)
    for history, count in ((History(), 2), (History(1), 3), (History(0), 5)):
        taught(system, history, count)
        assert history.guess(system, right_hand_side(system, 9)) is None
    assert History(0).memory() == {}
    with pytest.raises(ValueError, match="0 solutions or more, not -1"):
        History(-1)


def test_solutions_that_are_alike_but_for_rounding_do_no_harm():
    system, history = box((12, 9), rim=1.0), History()
    rhs = right_hand_side(system, 0)
    for turn in range(6):
        history.guess(system, rhs)
        history.learn(rhs, solvers.solve(system, rhs, "cg", rtol=10.0 ** (-6 - turn % 3)).pressure)
    left = rhs - system.apply(history.guess(system, rhs))
    assert float(left.norm()) < 1e-5 * float(rhs.norm())


@DIMS
def test_a_history_forgets_a_system_that_changes_unless_told_otherwise(dim):
    first, second = CASES["free_surface"](dim), CASES["closed_pocket"](dim)
    short, long = History(), History(3)
    taught(first, short, 4), taught(second, short, 1)
    assert "solutions" not in short.memory()
    solutions = [*taught(first, long, 2), *taught(second, long, 1, seed=2)]
    rhs = right_hand_side(second, 7)
    inside = [second.floating.remove_means(torch.where(second.active, q, 0.0)) for q in solutions]
    is_nearest(second, rhs, long.guess(second, rhs), inside)


def test_nothing_is_kept_where_every_system_is_new():
    history = History()
    for turn in range(4):
        taught(box((12, 9), rim=1.0 + turn), history, 1)
    assert "solutions" not in history.memory()


@pytest.mark.parametrize("most", [None, 3])
@pytest.mark.parametrize("before", [0, 1, 2, 5])
def test_a_history_goes_on_from_its_memory(before, most):
    system, one, other = box((12, 9), rim=1.0), History(most), History(most)
    taught(system, one, before)
    other.recall(one.memory(), torch.zeros(12, 9, dtype=torch.float64))
    same = dataclasses.replace(system)  # as a run builds it anew that goes on
    taught(system, one, 3, seed=before), taught(same, other, 3, seed=before)
    rhs = right_hand_side(system, 8)
    assert torch.equal(one.guess(system, rhs), other.guess(same, rhs))


def test_a_memory_that_does_not_fit_is_left():
    system, long = box((12, 9), rim=1.0), History(5)
    taught(system, long, 5)
    wider = box((12, 10), rim=1.0)
    for history, other in ((History(4), system), (History(5), wider)):
        history.recall(long.memory(), torch.zeros(other.shape, dtype=torch.float64))
        assert history.guess(other, right_hand_side(other, 5)) is None


def test_an_empty_history_looks_at_no_system_on_another_grid(monkeypatch):
    """Windows of liquids move often, and a look goes over all cells."""
    history = History()
    taught(box((6, 6), rim=1.0), history, 1)
    monkeypatch.setattr("solvers.history.mark", lambda system: pytest.fail("looked at"))
    history.fit(lambda q: q)
    taught(box((8, 8), rim=1.0), history, 1)


@DIMS
def test_solutions_come_along_to_another_window(dim):
    small, large = box((6,) * dim, rim=1.0), box((8,) * dim, rim=1.0)
    history = History(2)
    solutions = taught(small, history, 2)
    inside = (slice(1, 7),) * dim

    def widened(q):
        wide = torch.zeros(large.shape, dtype=torch.float64)
        wide[inside] = q
        return wide

    history.fit(widened)
    rhs = right_hand_side(large, 3)
    is_nearest(large, rhs, history.guess(large, rhs), [widened(q) for q in solutions])


def test_threads_make_no_difference(all_threads):
    stored = model_system("smoke", (96, 96))
    guesses, most = [], numba.get_num_threads()
    assert most > 1
    for threads in (1, most):
        numba.set_num_threads(threads)
        history = History()
        taught(stored.system, history, 4)
        guesses.append(history.guess(stored.system, right_hand_side(stored.system, 5)))
    assert torch.equal(*guesses)
