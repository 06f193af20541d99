"""A solver that learns from a run: it is begun with the run, kept with its state, and logged."""

from dataclasses import dataclass, replace

import pytest
import torch

from fluidsim.solid.shapes import HalfSpace
from solvers import sequence
from solvers.cg import ConjugateGradient
from tests.fluidsim.worlds import cubic, liquid

SECONDS = 0.03


@dataclass(frozen=True)
class Alternating(ConjugateGradient):
    """Exact and loose in turns, so that a solve shows in the flow whether it is the first."""

    def sequence(self):
        return Turns()


class Turns:
    name = "alternating"

    def __init__(self):
        self.count = 0

    def setup(self, system):
        return ConjugateGradient().setup(system)

    def solve(self, state, rhs, guess, rtol):
        self.count += 1
        is_odd = self.count % 2
        found = ConjugateGradient().solve(state, rhs, guess, 1e-3 * rtol if is_odd else rtol)
        return replace(found, choice="exact" if is_odd else "loose")

    def memory(self):
        return {"count": torch.tensor(self.count)}

    def recall(self, memory):
        self.count = int(memory.get("count", 0))


@pytest.fixture
def tank(monkeypatch):
    def make():
        monkeypatch.setattr(
            "solvers.registry._BUILT_IN", {"alternating": f"{__name__}:Alternating"}
        )
        return liquid(cubic(2, 16), HalfSpace(0.5), solver="alternating", gravity=(2.0, -9.81))

    return make


def test_each_run_has_a_memory_of_its_own_and_logs_what_was_chosen(tank):
    one, other = tank(), tank()
    solves = 0
    for _ in range(3):
        report = one.advance(SECONDS)
        solves += sum(report.choices.values())
        assert sum(report.choices.values()) == report.substeps
    assert int(one.state()["solver/count"]) == solves > 2
    assert int(other.state()["solver/count"]) == 0


def test_a_run_goes_on_with_what_its_solver_knew(tank):
    one, other = tank(), tank()
    one.advance(SECONDS)
    while one._projector.solver.count % 2 == 0:
        one.advance(SECONDS)
    other.restore({name: values.clone() for name, values in one.state().items()})
    assert other._projector.solver.count == one._projector.solver.count
    assert one.advance(SECONDS) == other.advance(SECONDS)
    for name, values in one.state().items():
        assert torch.equal(values, other.state()[name]), name


def test_solvers_without_a_memory_keep_nothing():
    solver = ConjugateGradient()
    assert sequence.begin(solver) is solver and sequence.state_of(solver) == {}
    sequence.restore(solver, {"solver/count": torch.tensor(1)})
