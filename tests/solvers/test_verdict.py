"""The gate believes no solver: it judges by the pressure that it was given."""

import dataclasses
from typing import ClassVar

import pytest

import solvers
from solvers import Outcome
from tests.solvers.systems import box, random_rhs


@dataclasses.dataclass(frozen=True)
class Boaster:
    """Returns `share` of the solution; claim: the residual that it says it has reached."""

    name: ClassVar[str] = "boaster"
    share: float
    claim: float = 0.0

    def setup(self, system):
        return solvers.prepare(system, "cg")

    def solve(self, state, rhs, guess, rtol):
        solution = solvers.solve(state.system, rhs, state, rtol=1e-12)
        return Outcome(self.share * solution.pressure, 1, [1.0, self.claim])


@pytest.mark.parametrize("rim", [0.0, 1.0], ids=["closed", "open"])
@pytest.mark.parametrize(("share", "claim", "residual"), [(0.0, 0.0, 1.0), (0.99, 1.0, 0.01)])
def test_the_verdict_is_that_of_the_pressure(rim, share, claim, residual):
    system, solver = box((9, 7), rim=rim), Boaster(share, claim)
    solution = solvers.solve(system, random_rhs(system), solver, throw=False)
    assert not solution.converged
    assert solution.relative_residual == pytest.approx(residual, rel=1e-6)
    with pytest.raises(solvers.SolveError):
        solvers.solve(system, random_rhs(system), solver)


def test_what_a_boaster_leaves_is_solved_again():
    system = box((9, 7), rim=1.0)
    solution = solvers.solve(system, random_rhs(system), Boaster(0.99))
    assert solution.relative_residual <= 1e-6 and solution.iterations == 3


def test_a_residual_below_float32_is_told_from_one_above():
    system = box((9, 7), rim=1.0)
    rhs = random_rhs(system)
    for error in (1e-10, 1e-12):
        solution = solvers.solve(system, rhs, Boaster(1 - error), throw=False)
        assert solution.relative_residual == pytest.approx(error, rel=0.05)
