"""Multigrid in the course of a run: whether walls are worth a division of the levels is learnt."""

from __future__ import annotations

import math
from dataclasses import astuple
from typing import Any

import torch
from torch import Tensor

from solvers.marks import mark
from solvers.multigrid.judging import Costs, Judge, plain_work
from solvers.protocol import Outcome
from solvers.system import PoissonSystem


class LearnedDivision:
    """A `solvers.sequence.Sequence`: `Multigrid` that remembers what walls cost.

    Levels are divided when the work that this would have saved, in the solves of one system, makes
    up for that of dividing; and those of new systems at once, if a single solve makes up for it.

    Attributes
    ----------
    at_once : bool
        Whether the levels of a new system are divided.
    credit : float
        Work that divided levels would have saved in the solves of the present system.
    rate : float
        Of the last solve on levels that were not divided, see `judging.Judge`.
    costs : Costs or None
        Those of the last levels that were divided, per unknown.
    """

    name, rescued = "multigrid", True

    def __init__(self, options: Any) -> None:
        """options: a `Multigrid`."""
        self.options = options
        self.at_once, self.credit, self.rate = False, 0.0, 0.0
        self.costs: Costs | None = None
        self._expected: Costs | None = None  # of the present system
        self._is_divided = False  # whether the present levels are
        self._is_first = False  # whether the next solve is the first one on divided levels
        self._seen: Tensor | None = None  # the mark of the present system, if anything was learnt

    def setup(self, system: PoissonSystem) -> Any:
        """As `Multigrid.setup`; divided if the system is the one before and was, or at once."""
        own = None if self._seen is None else mark(system)
        is_known = own is not None and self._seen is not None and torch.equal(own, self._seen)
        self._seen, self._expected = own, None
        if not is_known:
            self._is_divided, self.credit = self.at_once, 0.0
        self._is_first = self._is_divided and not is_known
        return self.options.setup(system, self._is_divided)

    def solve(self, state: Any, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """As `Multigrid.solve`."""
        if state.engine != "numba":
            return self.options.solve(state, rhs, guess, rtol)
        unknowns, dim = state.system.unknowns, state.system.dim
        costs = self._expected if self.costs is None else self.costs.times(unknowns)
        judge = self.options.judge(state, rtol, costs, self.credit)
        found = self.options.solve_packed(state, rhs, guess, rtol, judge)
        levels = state.levels[1]
        if levels.is_divided:
            divided = found.history[judge.ended_after if judge else 0 :]
            self.costs = Costs.of(levels, unknowns, dim, divided).times(1 / unknowns)
        if judge is not None:
            self._learn(judge, found.history)
        elif self._is_first and not self._was_worth_it(state, found.history):
            self.at_once = False
        self._is_divided, self._is_first = levels.has_pieces, False
        if self._seen is None and self._has_learnt:
            self._seen = mark(state.system)
        return found

    @property
    def _has_learnt(self) -> bool:
        return self.at_once or self._is_divided or self.credit > 0 or self.rate > 0

    def _learn(self, judge: Judge, history: list[float]) -> None:
        """From a solve that began on levels that were not divided."""
        if not judge.has_ended:
            self.credit += judge.missed(history)
        self.rate, self._expected = judge.rate, judge.costs
        self.at_once = judge.pays_at_once(history)

    def _was_worth_it(self, state: Any, history: list[float]) -> bool:
        """Whether a solve that began on divided levels was cheaper for that, with their setup."""
        if not state.levels[1].has_pieces or self.costs is None:
            return False
        if self.rate <= 0 or not 0 < history[-1] < history[0]:
            return True
        unknowns, done = state.system.unknowns, len(history) - 1
        spared = math.log(history[0] / history[-1]) / self.rate
        own = self.costs.times(unknowns)
        return own.setup + own.iteration * done < plain_work(unknowns, spared)

    def memory(self) -> dict[str, Tensor]:
        """What was learnt, and whether the present levels are divided; {} without walls."""
        if self._seen is None:
            return {}
        known = (math.nan,) * 3 if self.costs is None else astuple(self.costs)
        flags = float(self.at_once), float(self._is_divided)
        numbers = [*flags, self.credit, self.rate, *known]
        return {"division": torch.tensor(numbers, dtype=torch.float64), "seen": self._seen}

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Go on with what was learnt; begin anew where nothing was."""
        self.__init__(self.options)
        numbers, seen = memory.get("division"), memory.get("seen")
        if numbers is None or seen is None or numbers.shape != (7,) or seen.shape != (4,):
            return
        at_once, is_divided, self.credit, self.rate, *known = numbers.tolist()
        self.at_once, self._is_divided = bool(at_once), bool(is_divided)
        self.costs = None if math.isnan(known[0]) else Costs(*known)
        self._seen = seen.cpu().clone()
