"""The gate: iterations on held-out problems, and when one network may replace another."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from solvers.npsdo.bank import directions_of
from solvers.npsdo.data import Problem
from solvers.npsdo.descent import Fitted, ScaledOperator, descend
from solvers.npsdo.references import percent_left
from solvers.npsdo.vcycles import MultigridNetwork
from solvers.npsdo.weights import Network

# Iterations after which a problem counts as not solved.
_LIMIT = 100
# By size: mean and largest number of iterations.
Scores = dict[int, tuple[float, int]]


@torch.no_grad()
def iterations(
    problem: Problem, network: Network, directions: int | None = None, rtol: float = 1e-6
) -> int:
    """Iterations to rtol with the network as preconditioner, at most _LIMIT."""
    operator, fitted = ScaledOperator(problem.system), Fitted(problem.system, network)
    levels = fitted.levels(network)
    kept = directions_of(network) if directions is None else directions
    descent = descend(
        operator, lambda r: fitted.apply(network, levels, r), operator.scale * problem.rhs, kept,
        rtol, _LIMIT,
    )  # fmt: skip
    return max(_LIMIT if n is None else n for n in descent.iterations(rtol))


def judge(problems: Sequence[Problem], network: Network, directions: int | None = None) -> Scores:
    """Mean and largest number of iterations over the problems of each size.

    Of a network that guesses pressures it is the error that its guess leaves, in per cent.
    """
    found: dict[int, list[int]] = {}
    for each in problems:
        guesses = isinstance(network, MultigridNetwork)
        score = percent_left(each, network) if guesses else iterations(each, network, directions)
        found.setdefault(each.size, []).append(score)
    return {size: (sum(n) / len(n), max(n)) for size, n in sorted(found.items())}


def value(scores: Scores) -> float:
    """One number, smaller is better: the mean over sizes of the mean plus a quarter of the most."""
    return sum(mean + 0.25 * most for mean, most in scores.values()) / max(1, len(scores))


def accepts(initial: Scores, best: Scores, candidate: Scores) -> bool:
    """Whether a candidate replaces the best: better, and on no size worse than the initial one."""
    never_worse = all(
        candidate[size][0] <= mean and candidate[size][1] <= most
        for size, (mean, most) in initial.items()
    )
    return never_worse and value(candidate) < value(best)


def table(scores: Scores) -> str:
    """Scores as one line for a log, such as 64: 11.3 (14), 128: 12.0 (13)."""
    return ", ".join(f"{size}: {mean:.1f} ({most})" for size, (mean, most) in scores.items())
