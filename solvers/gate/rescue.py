"""A factorisation takes over where iterations fail on weights of very different size."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from solvers.gate.periodic import Unrolled
from solvers.protocol import Outcome, Solver
from solvers.system import PoissonSystem

# Unknowns up to which a factorisation fits memory and patience, in 3D too.
MOST_UNKNOWNS = 100_000


@dataclass(eq=False)
class State:
    """A system, the solver's state, and that of the factorisation once it was needed."""

    system: PoissonSystem
    state: Any
    factored: Any = None


@dataclass(frozen=True)
class Rescued:
    """A solver, and `direct` for right-hand sides on which it misses the tolerance.

    The notes of the outcome say so.
    """

    solver: Solver | Unrolled

    @property
    def name(self) -> str:
        return self.solver.name

    def setup(self, system: PoissonSystem) -> State:
        """Set the solver up."""
        return State(system, self.solver.setup(system))

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Solve with the solver and, where it fails, by the factorisation."""
        first = self.solver.solve(state.state, rhs, guess, rtol)
        reached = first.history[-1]
        if reached <= rtol or state.system.unknowns > MOST_UNKNOWNS:
            return first
        from solvers.direct import Direct

        if state.factored is None:
            state.factored = Direct().setup(state.system)
        second = Direct().solve(state.factored, rhs, None, rtol)
        if not second.history[-1] < (reached if math.isfinite(reached) else math.inf):
            return first
        note = f"direct took over after {first.iterations} iterations at residual {reached:.1e}"
        return replace(
            second,
            iterations=first.iterations + second.iterations,
            history=[*first.history, *second.history[1:]],
            notes="; ".join(filter(None, (first.notes, note))),
            choice=first.choice,
        )
