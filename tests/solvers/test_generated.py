"""Every solver on generated systems of 25 kinds: no wrong answer, and what float64 allows."""

import pytest
import torch

import solvers
from tests.solvers.generated import KINDS, generated
from tests.solvers.judge import attainable, independent_residual

RTOL = 1e-8
SEEDS = range(12)
QUICK = (0, 1)
# Iterations that may fail, and say so, where weights spread over sixteen orders of magnitude, and
# PETSc's where they jump by twelve.
EXCUSED = {("lognormal 8", name) for name in ("amg", "amgcl", "cg", "ic", "petsc", "recycling")}
EXCUSED |= {("jump 1e12", "petsc")}


def check(kind, seed, name):
    system, rhs, guess = generated(kind, seed)
    solution = solvers.solve(system, rhs, name, guess, RTOL, throw=False)
    # Powers of two, so that the judge neither over- nor underflows.
    of_weights = power(max(float(w.max()) for w in system.face_weights))
    of_rhs = power(float(rhs.abs().max()))
    weights = tuple(w.double() / of_weights for w in system.face_weights)
    system = solvers.PoissonSystem(weights, system.active, system.periodic)
    rhs, pressure = rhs / of_rhs, solution.pressure / of_rhs * of_weights
    truth = independent_residual(system, rhs, pressure)
    assert truth <= 3 * solution.relative_residual + 1e-13
    assert solution.converged == (solution.relative_residual <= RTOL)
    for label in range(system.floating.count):
        inside = solution.pressure[system.floating.labels == label]
        assert abs(inside.mean()) <= 1e-14 * inside.abs().max()
    if (kind, name) not in EXCUSED and not solution.converged:
        assert solution.relative_residual <= 30 * attainable(system, rhs)


def power(value):
    return 2.0 ** torch.frexp(torch.tensor(value, dtype=torch.float64)).exponent.item()


@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_is_wrong(kind):
    """The default on a few systems of each kind, the others on one of them in turns."""
    names = solvers.available()
    for seed in QUICK:
        check(kind, seed, "multigrid")
        check(kind, seed, names[(list(KINDS).index(kind) + seed) % len(names)])


@pytest.mark.slow
@pytest.mark.parametrize("name", solvers.available())
@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_is_wrong_on_300_systems(kind, name):
    for seed in SEEDS:
        check(kind, seed, name)
