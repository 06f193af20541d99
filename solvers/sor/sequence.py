"""Over-relaxation for the systems of a run, whose numbers of iterations teach it its omega."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from solvers.protocol import Outcome
from solvers.sor.omegas import LEARNERS, OMEGAS
from solvers.system import PoissonSystem


class LearnedRelaxation:
    """A `solvers.sequence.Sequence`: `OverRelaxation` with a bandit that chooses omega.

    An omega that takes three times the usual number of iterations is given up, and the one that
    looks best goes on from where it got to.
    """

    name, rescued = "sor", True

    def __init__(self, options: Any) -> None:
        """options: an `OverRelaxation`."""
        self.options = options
        self.learner = LEARNERS[str(options.omega)](options.seed)
        self._note = ""

    def setup(self, system: PoissonSystem) -> Any:
        """As `OverRelaxation.setup`."""
        return self.options.setup(system)

    def solve(self, state: Any, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) with an omega of the bandit's choice."""
        about, start, most = state.openness, state.start, self.options.max_iterations
        arm, limit = self.learner.choose(about, start)
        limit = int(min(max(limit, 1.0), most))
        omega = float(OMEGAS[arm])
        found = self.options.iterate(state, rhs, guess, rtol, omega, limit)
        if found.iterations:
            self.learner.learn(about, arm, found.iterations)
        if not found.history[-1] <= rtol and found.iterations < most:
            best, left = float(OMEGAS[self.learner.best(about, start)]), most - found.iterations
            rest = self.options.iterate(state, rhs, found.pressure, rtol, best, left)
            found = replace(
                rest,
                iterations=found.iterations + rest.iterations,
                history=[*found.history[:-1], *rest.history],
            )
        note, self._note = self._note, ""
        return replace(found, notes=note, choice=f"omega {omega:.3f}")

    def memory(self) -> dict[str, Tensor]:
        """That of the bandit."""
        return self.learner.memory()

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Go on with the memory of a bandit of the same kind; begin anew with any other."""
        self.learner = LEARNERS[str(self.options.omega)](self.options.seed)
        try:
            self.learner.recall(memory)
        except (KeyError, ValueError, RuntimeError):
            self._note = "what was stored of omega is not of these options; it is learnt anew"
