"""The choice among solvers in the course of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from solvers.auto.arms import ARMS
from solvers.auto.choosing import CAP, Chooser
from solvers.marks import mark
from solvers.protocol import Outcome
from solvers.system import PoissonSystem


@dataclass(eq=False)
class State:
    """A system, and the setups for it of the arms that have come and were not left."""

    system: PoissonSystem
    setups: dict[int, Any]


class LearnedChoice:
    """A `solvers.sequence.Sequence` that tries arms out and settles on the cheapest.

    The work of a solve is that of its iterations and of a setup times the share of solves that had
    a new system so far. Whether a system is new is told by its weights, so that it does not matter
    that a run which goes on has to set up again.

    Attributes
    ----------
    spent : float
        Work of all setups and iterations so far.
    """

    name, rescued = "auto", True

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chooser = Chooser(len(ARMS), seed)
        self.systems, self.solves, self.seen = 0, 0, torch.zeros(4, dtype=torch.int64)
        self.spent, self._note = 0.0, ""

    def setup(self, system: PoissonSystem) -> State:
        """Look whether the system is new; arms are set up when they are needed."""
        own = mark(system)
        if not torch.equal(own, self.seen):
            self.systems, self.seen = self.systems + 1, own
        for arm, each in enumerate(ARMS):
            if system.device.type != "cpu" and not each.on_gpu:
                self.chooser.leave(arm)
        return State(system, {})

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """By the arm whose turn it is; the best one goes on where that takes too long."""
        self.solves += 1
        arm, limit = self._next(state.system.unknowns)
        found = self._run(state, arm, rhs, guess, rtol, limit)
        reached = found.history[-1] <= rtol
        if found.iterations:
            self.chooser.learn(arm, self.work(arm, state.system.unknowns, found.iterations))
        if not reached and limit:
            self.chooser.leave(arm)
            rest = self._run(state, self.chooser.best(), rhs, found.pressure, rtol, 0)
            found = replace(
                rest,
                iterations=found.iterations + rest.iterations,
                history=[*found.history[:-1], *rest.history],
            )
        note, self._note = self._note, ""
        notes = "; ".join(filter(None, (note, found.notes)))
        return replace(found, notes=notes, choice=ARMS[arm].text)

    def work(self, arm: int, unknowns: int, iterations: int) -> float:
        """Of a solve with so many iterations, and its part of a setup."""
        share = min(1.0, self.systems / self.solves)
        chosen = ARMS[arm]
        return iterations * chosen.iteration.of(unknowns) + share * chosen.setup.of(unknowns)

    def memory(self) -> dict[str, Tensor]:
        """What was learnt of the arms, and how many systems and solves there were."""
        counts = torch.tensor([self.systems, self.solves])
        return {**self.chooser.memory(), "counts": counts, "seen": self.seen}

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Go on with a memory of the same arms; begin anew, by the default, with any other."""
        self.chooser = Chooser(len(ARMS), self.seed)
        try:
            self.chooser.recall(memory)
            self.systems, self.solves = (int(n) for n in memory["counts"].tolist())
            self.seen = memory["seen"].cpu().clone()
        except (KeyError, ValueError):
            self.__init__(self.seed)
            self._note = "what was stored is of other solvers; it learns anew, from multigrid on"

    def _next(self, unknowns: int) -> tuple[int, int]:
        """The next arm and its most iterations, 0 for no limit; hopeless arms are left at once."""
        while True:
            arm = self.chooser.next()
            if arm == self.chooser.best() or self.chooser.turns == 0:
                return arm, 0
            left = CAP * self.chooser.usual - self.work(arm, unknowns, 0)
            limit = int(left / ARMS[arm].iteration.of(unknowns))
            if limit > 0:
                return arm, limit
            self.chooser.leave(arm)

    def _run(
        self, state: State, arm: int, rhs: Tensor, guess: Tensor | None, rtol: float, limit: int
    ) -> Outcome:
        solver = ARMS[arm].solver
        for left in [each for each in state.setups if not self.chooser.alive[each]]:
            del state.setups[left]
        if arm not in state.setups:
            state.setups[arm] = solver.setup(state.system)
            self.spent += ARMS[arm].setup.of(state.system.unknowns)
        chosen = replace(solver, max_iterations=limit) if limit else solver
        found = chosen.solve(state.setups[arm], rhs, guess, rtol)
        self.spent += found.iterations * ARMS[arm].iteration.of(state.system.unknowns)
        return found
