import dataclasses

import numpy as np
import pytest
import torch

from solvers import registry, sequence
from solvers.auto import Automatic, arms
from solvers.auto.choosing import CAP, Chooser
from solvers.auto.sequence import LearnedChoice
from solvers.model_systems import model_system

RTOL = 1e-6


def solved(solver, count, kind="dam"):
    """Outcomes on systems that change from solve to solve; smoke's does not."""
    found = []
    for seed in range(count):
        stored = model_system(kind, (20, 20), seed=seed)
        found.append(solver.solve(solver.setup(stored.system), stored.rhs, None, RTOL))
    return found


def played(chooser: Chooser, costs, turns: int, noise: float = 0.0) -> np.ndarray:
    """The arms of so many turns, each with its cost, cut as the solver cuts them."""
    random, chosen = np.random.default_rng(1), []
    for _ in range(turns):
        arm = chooser.next()
        chosen.append(arm)
        cost = costs[arm] * (1 + noise * random.standard_normal())
        limit = CAP * chooser.usual
        chooser.learn(arm, min(cost, limit))
        if cost > limit:
            chooser.leave(arm)
    return np.array(chosen)


def test_bad_arms_are_left_after_one_turn_and_dear_ones_after_a_few():
    chosen = played(Chooser(5, 0), [1.0, 1.4, 0.8, 10.0, 30.0], 200, noise=0.05)
    assert list(chosen[:5]) == [0, 1, 2, 3, 4]
    counts = np.bincount(chosen, minlength=5)
    assert counts[3] == counts[4] == 1
    assert counts[2] > 170 and counts[1] < 10


def test_it_costs_little_more_than_the_best_arm():
    costs = np.array([1.0, 1.15, 1.05, 4.0, 8.0])
    for seed in range(5):
        chosen = played(Chooser(5, seed), costs, 240, noise=0.02)
        assert np.minimum(costs[chosen], 3.0).mean() < 1.05


def test_systems_that_become_harder_together_do_not_mislead_it():
    chooser = Chooser(2, 0)
    played(chooser, [1.0, 1.1], 3)
    for scale in np.geomspace(1.0, 50.0, 60):
        played(chooser, [scale, 1.1 * scale], 1)
    assert chooser.alive[0] and chooser.best() == 0


@pytest.mark.parametrize("kind", ["dam", "smoke"])
def test_every_answer_is_one_and_every_solver_is_tried(kind):
    found = solved(sequence.begin(Automatic()), 12, kind)
    assert {each.choice for each in found[:5]} == {arm.text for arm in arms.ARMS}
    for each in found:
        assert each.history[-1] <= RTOL and len(each.history) == each.iterations + 1


def test_it_goes_on_bit_for_bit_from_its_memory_though_it_has_to_set_up_again():
    stored = model_system("smoke", (20, 20))
    one, other = LearnedChoice(3), LearnedChoice(3)
    state = one.setup(stored.system)
    for _ in range(7):
        one.solve(state, stored.rhs, None, RTOL)
    other.recall({name: values.clone() for name, values in one.memory().items()})
    again = other.setup(stored.system)
    for _ in range(8):
        a, b = one.solve(state, stored.rhs, None, RTOL), other.solve(again, stored.rhs, None, RTOL)
        assert a.choice == b.choice and torch.equal(a.pressure, b.pressure) and not b.notes
    for name, values in one.memory().items():
        assert torch.equal(values, other.memory()[name])


def test_setups_count_by_the_share_of_new_systems():
    fixed, moving = LearnedChoice(0), LearnedChoice(0)
    solved(fixed, 1)
    stored = model_system("dam", (20, 20))
    for _ in range(9):
        fixed.solve(fixed.setup(stored.system), stored.rhs, None, RTOL)
    solved(moving, 10)
    assert (fixed.systems, moving.systems) == (1, 10)
    setup = arms.ARMS[0].setup.of(500)
    assert moving.work(0, 500, 5) - fixed.work(0, 500, 5) == pytest.approx(0.9 * setup)


def test_memories_of_other_solvers_are_forgotten_with_a_word():
    strange = Chooser(3, 0).memory()
    for memory in ({}, strange):
        solver = sequence.begin(Automatic())
        solver.recall(memory)
        first, second = solved(solver, 2)
        assert "learns anew" in first.notes and first.choice == "multigrid" and not second.notes


def test_the_arms_are_what_their_names_say():
    for arm in arms.ARMS:
        assert registry.create(arm.text, {}) == arm.solver
        assert dataclasses.replace(arm.solver, max_iterations=1).max_iterations == 1


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match="seed must be at least 0"):
        registry.create("auto:seed=-1", {})


def test_what_it_spent_are_its_setups_and_iterations():
    stored, learner, expected = model_system("smoke", (20, 20)), LearnedChoice(0), 0.0
    state, unknowns = learner.setup(stored.system), stored.system.unknowns
    for number, arm in enumerate(arms.ARMS[:3]):
        found = learner.solve(state, stored.rhs, None, RTOL)
        assert found.choice == arm.text and learner.chooser.alive[number]
        expected += arm.setup.of(unknowns) + found.iterations * arm.iteration.of(unknowns)
        assert learner.spent == pytest.approx(expected)
    learner.chooser.alive[1:] = False
    again = learner.solve(state, stored.rhs, None, RTOL)
    expected += again.iterations * arms.ARMS[0].iteration.of(unknowns)
    assert learner.spent == pytest.approx(expected)
