"""Solves for a right-hand side until each part of the grid meets the tolerance."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from solvers.gate.problem import Problem
from solvers.protocol import Outcome
from solvers.runtime import synchronize

# Rounds after the first; each has to reduce the largest relative residual.
_MOST_ROUNDS = 3
_TIGHTEST, _LOOSEST = 1e-14, 0.5  # asked of a solver in a later round
_MARGIN = 0.5  # part of the tolerance that such a round aims at


@dataclass(frozen=True, eq=False)
class Judged:
    """An outcome, the relative residual on each part, and the largest of them (inf for nan)."""

    outcome: Outcome
    ratios: Tensor
    worst: float


class Rounds:
    """The solves for one problem, by a solver with its state.

    largest_weight: of the problem's system. seconds: wall time in the solver so far. guessed:
    whether the pressure comes from the guess.
    """

    def __init__(self, solver: Any, state: Any, problem: Problem, largest_weight: float) -> None:
        self.solver, self.state, self.problem = solver, state, problem
        self.largest_weight, self.seconds, self.guessed = largest_weight, 0.0, False

    def run(self, guess: Tensor | None, rtol: float) -> Judged:
        """What the solver reaches, from a guess and, where that fails, from zero.

        A solver sees one residual norm for the whole grid. Where it has met rtol by that, but some
        parts have not, these are solved again for what is left, each scaled to norm 1.
        """
        if self.problem.is_zero:
            return self._judged(Outcome(torch.zeros_like(self.problem.b), 0, [0.0]), rtol)
        start = None if guess is None else self.problem.useful(guess)
        outcome = self._solve(self.problem.b, start, rtol)
        best, claim, asked = self._judged(outcome, rtol), outcome.history[-1], rtol
        self.guessed = start is not None and best.worst <= rtol
        if start is not None and not self.guessed:
            outcome = self._solve(self.problem.b, None, rtol)
            best = _better(best, self._judged(_joined(best.outcome, outcome), rtol))
            claim = outcome.history[-1]
        rounds = 0
        while claim <= asked and not best.worst <= rtol and rounds < _MOST_ROUNDS:
            before = best.worst
            best, claim, asked = self._round(best, rtol)
            rounds = rounds + 1 if best.worst < before else _MOST_ROUNDS
        return best

    def _round(self, best: Judged, rtol: float) -> tuple[Judged, float, float]:
        """Solve for what is left on parts above rtol: what is reached, claimed and asked for."""
        problem, floating = self.problem, self.problem.system.floating
        left = floating.remove_means(problem.residual(best.outcome.pressure))
        norms = floating.norms(left)
        short = (best.ratios > rtol) & (norms > 0)
        factors = torch.where(short, torch.exp2(-torch.floor(torch.log2(norms))), 0.0)
        rhs = left * floating.spread(factors)
        norm = float(torch.linalg.vector_norm(rhs))
        if not 0 < norm < math.inf:
            return best, math.inf, _LOOSEST
        goal = float((_MARGIN * rtol * problem.norms * factors)[short].min())
        asked = min(max(goal / norm, _TIGHTEST), _LOOSEST)
        found = self._solve(rhs, None, asked)
        change = found.pressure * floating.spread(torch.where(short, 1.0 / factors, 0.0))
        added = replace(
            found,
            pressure=best.outcome.pressure + change,
            history=[best.worst * value for value in found.history],
        )
        again = self._judged(_joined(best.outcome, added), rtol)
        again.outcome.history[-1] = again.worst
        return _better(best, again), found.history[-1], asked

    def _solve(self, b: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        synchronize(b.device)
        begin = time.perf_counter()
        outcome = self.solver.solve(self.state, b, guess, rtol)
        synchronize(b.device)
        self.seconds += time.perf_counter() - begin
        return outcome

    def _judged(self, outcome: Outcome, rtol: float) -> Judged:
        p = self.problem.solution(outcome.pressure)
        ratios = self.problem.relative_residuals(p, rtol, self.largest_weight)
        worst = float(ratios.max())
        return Judged(replace(outcome, pressure=p), ratios, worst if worst == worst else math.inf)


def _better(first: Judged, second: Judged) -> Judged:
    """The one with the smaller residual; the iterations are those of the second, which has all."""
    if second.worst <= first.worst:
        return second
    outcome = replace(second.outcome, pressure=first.outcome.pressure)
    outcome.history[-1] = first.worst
    return Judged(outcome, first.ratios, first.worst)


def _joined(first: Outcome, second: Outcome) -> Outcome:
    """The pressure of the second, with the iterations, history and notes of both."""
    notes = "; ".join(dict.fromkeys(note for note in (first.notes, second.notes) if note))
    history = [*first.history[:-1], *second.history]
    iterations = first.iterations + second.iterations
    return Outcome(second.pressure, iterations, history, notes, second.choice or first.choice)
