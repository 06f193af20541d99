import math

import numpy as np
import pytest
import torch

import solvers
from solvers import sequence
from solvers.learning import tsallis
from solvers.learning.draws import draw
from solvers.model_systems import model_system
from solvers.sor import OverRelaxation
from solvers.sor.omegas import OMEGAS, Contextual, Plain, openness
from tests.solvers.systems import box, random_rhs, random_system


def solved(solver, system, rhs, rtol=1e-8):
    return solver.solve(solver.setup(system), rhs, None, rtol)


@pytest.mark.parametrize("shape", [(9, 12), (5, 6, 7)])
def test_kernels_compute_what_torch_defines(shape):
    system = random_system(shape)
    rhs = system.floating.remove_means(random_rhs(system) * system.active)
    one, other = (
        solved(OverRelaxation(omega=1.3, engine=engine), system, rhs)
        for engine in ("numba", "torch")
    )
    assert one.iterations == other.iterations > 5
    torch.testing.assert_close(one.pressure, other.pressure)
    np.testing.assert_allclose(one.history, other.history, rtol=1e-6)


def test_the_history_is_that_of_the_true_residuals():
    """The norm that the sweeps tell is that of the pressure one sweep before."""
    system = box((7, 9), rim=1.0)
    rhs = random_rhs(system)
    history = solved(OverRelaxation(omega=1.4), system, rhs).history
    for count in (1, 4):
        solver = OverRelaxation(omega=1.4, max_iterations=count)
        p = solved(solver, system, rhs).pressure
        true = float((rhs - system.apply(p)).norm() / rhs.norm())
        assert history[count] == pytest.approx(true, rel=1e-10)


def test_youngs_omega_is_the_best_one_in_a_box():
    n = 31
    system = box((n, n), rim=1.0)
    rhs = random_rhs(system)
    best = 2 / (1 + math.sin(math.pi / (n + 1)))
    counts = {
        omega: solved(OverRelaxation(omega=omega), system, rhs).iterations
        for omega in (1.5, best - 0.06, best, best + 0.06)
    }
    assert min(counts, key=counts.__getitem__) == best
    assert counts[1.5] > 3 * counts[best]
    symmetric = solved(OverRelaxation(omega=1.7, symmetric=True), system, rhs)
    assert symmetric.iterations < 0.4 * counts[best]


@pytest.mark.parametrize("kind", ["learned", "contextual"])
@pytest.mark.parametrize("symmetric", [False, True])
def test_a_run_learns_and_goes_on_bit_for_bit_from_its_memory(kind, symmetric):
    stored = model_system("dam", (24, 24))
    solver = sequence.begin(OverRelaxation(omega=kind, symmetric=symmetric))
    state = solver.setup(stored.system)
    given = stored.system, stored.rhs, 1e-6
    counts = [solver.solve(state, stored.rhs, None, 1e-6).iterations for _ in range(60)]
    fixed = [solved(OverRelaxation(omega=w, symmetric=symmetric), *given) for w in OMEGAS]
    best, worst = (pick(found.iterations for found in fixed) for pick in (min, max))
    assert np.median(counts[-20:]) <= (1.6 * best if worst > 5 * best else worst - 1)
    again = sequence.begin(OverRelaxation(omega=kind, symmetric=symmetric))
    again.recall({name: values.clone() for name, values in solver.memory().items()})
    for _ in range(8):
        one, other = (each.solve(state, stored.rhs, None, 1e-6) for each in (solver, again))
        assert one.choice == other.choice and one.choice.startswith("omega ")
        assert torch.equal(one.pressure, other.pressure) and not other.notes


@pytest.mark.parametrize(
    "memory", [{}, {"losses": torch.zeros(3)}, Contextual(0).memory()], ids=["none", "short", "of"]
)
def test_a_memory_of_others_is_forgotten_with_a_word(memory):
    system = box((12, 9), rim=1.0)
    solver = sequence.begin(OverRelaxation())
    solver.recall(memory)
    found = solved(solver, system, random_rhs(system))
    assert "omega" in found.notes and "\n" not in found.notes and found.history[-1] <= 1e-8
    assert not solved(solver, system, random_rhs(system)).notes


@pytest.mark.parametrize("learner", [Plain, Contextual])
def test_learners_find_the_cheapest_omega(learner):
    """Sweeps as they would be with the best omega at one place of the grid, then at another."""
    chosen, bandit = [], learner(0)
    for turn in range(600):
        about, best = (0.1, 4) if learner is Plain or turn % 2 else (0.001, 9)
        arm, most = bandit.choose(about, 6)
        sweeps = 100 * 1.5 ** abs(arm - best)
        bandit.learn(about, arm, int(min(sweeps, most)))
        chosen.append(abs(arm - best) <= 1)
    assert np.mean(chosen[-200:]) > 0.7 > np.mean(chosen[:20])


def test_chances_add_up_and_minimise_what_they_should():
    losses, turns = np.array([3.0, 0.5, 9.0, 4.0]), 12
    p = tsallis.probabilities(losses, turns)
    eta = 4 / math.sqrt(turns + 1)

    def value(q):
        return losses @ q - 4 / eta * np.sqrt(q).sum()

    assert p.sum() == pytest.approx(1) and p.argmax() == 1
    random = np.random.default_rng(0)
    for _ in range(50):
        q = np.abs(p + 0.01 * random.standard_normal(4))
        assert value(q / q.sum()) >= value(p) - 1e-12


def test_estimates_of_losses_are_right_on_average():
    losses, true = np.array([1.0, 2.0, 0.0]), np.array([0.2, 0.9, 0.4])
    p = tsallis.probabilities(losses, 30)
    estimates = [tsallis.learn(losses, 30, arm, true[arm]) - losses for arm in range(3)]
    np.testing.assert_allclose(p @ np.array(estimates), true)


def test_draws_follow_the_chances_and_nothing_but_seed_and_count():
    chances = np.array([0.1, 0.0, 0.6, 0.3])
    drawn = [draw(chances, 1, count) for count in range(2000)]
    assert drawn == [draw(chances, 1, count) for count in range(2000)]
    assert drawn != [draw(chances, 2, count) for count in range(2000)]
    np.testing.assert_allclose(np.bincount(drawn) / 2000, chances, atol=0.04)


def test_openness_is_the_share_of_faces_to_known_pressure():
    assert openness(box((6, 5))) == pytest.approx(0, abs=1e-15)
    assert openness(box((6, 5), rim=1.0)) == pytest.approx(22 / 120)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sor:omega=2", "omega must lie between 0 and 2"),
        ("sor:omega=magic", "omega must be a number or learned, contextual, not 'magic'"),
        ("sor:max_iterations=0", "max_iterations must be at least 1"),
        ("sor:engine=magic", "engine must be one of"),
    ],
)
def test_bad_options_are_refused(text, said):
    with pytest.raises(ValueError, match=said):
        solvers.registry.create(text, {})


def test_the_grid_reaches_from_gauss_seidel_to_what_hundreds_of_cells_need():
    assert OMEGAS[0] == 1 and OMEGAS[-1] > 2 / (1 + math.sin(math.pi / 200))
