"""What makes a learned preconditioner safe: it is watched, and others take over where it fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from solvers import pcg
from solvers.protocol import Outcome
from solvers.system import PoissonSystem

# A residual that has not fallen to this part in `patience` iterations has stalled.
_PROGRESS = 0.5


class Watch:
    """Decides whether an iteration still gets somewhere.

    target: norm of the residual that ends it. patience: iterations in which it must be halved.
    reason: why the iteration is not to go on, else "".
    """

    def __init__(self, target: float, patience: int) -> None:
        self.target, self.patience = target, patience
        self.reason = ""
        self._has_stalled = False

    def restart(self, norm: float) -> None:
        """A new cycle begins with this norm."""
        self._mark, self._waited = norm, -1

    def is_over(self, norm: float) -> bool:
        """Whether no further direction is needed; to be asked once an iteration."""
        if norm <= _PROGRESS * self._mark:
            self._mark, self._waited = norm, 0
        else:
            self._waited += 1
        if self._waited >= self.patience:
            self._has_stalled, self.reason = True, "stalled"
        return norm <= self.target or self._has_stalled

    def checked(self, rz: float) -> float:
        """The product of residual and direction, noted when that is not one of descent."""
        if not math.isfinite(rz):
            self.reason = "gave values that are not finite"
        elif rz <= 0:
            self.reason = "gave no direction of descent"
        return rz


class WatchedSpace(pcg.Workspace, Protocol):
    """A workspace with a watch that ends the loop: by (r, z) = 0."""

    watch: Watch

    def pressure(self) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class Attempt:
    """What an iteration reached; see `Outcome`. reason: why it ended before the target, or ""."""

    pressure: Tensor
    iterations: int
    history: list[float]
    reason: str


# From a guess and with at most so many iterations.
Attempter = Callable[[Tensor | None, int], Attempt]


def attempt(space: WatchedSpace, norm_b: float, rtol: float, max_iterations: int) -> Attempt:
    """Iterate in a workspace until it is done or its watch ends it."""
    iterations, history = pcg.iterate(space, norm_b, rtol, max_iterations)
    return Attempt(space.pressure(), iterations, history, space.watch.reason or "ended")


def in_turns(
    attempters: Iterable[tuple[str, Attempter]],
    system: PoissonSystem,
    guess: Tensor | None,
    rtol: float,
    max_iterations: int,
) -> Outcome:
    """One after the other, each from where the last one got, until the tolerance is reached.

    The notes of the outcome say which ones failed, and why.
    """
    iterations, history, notes = 0, [], []
    for name, run in attempters:
        reached = run(guess, max_iterations - iterations)
        iterations += reached.iterations
        history = history[:-1] + reached.history
        guess = system.floating.remove_means(reached.pressure)
        if history[-1] <= rtol or iterations >= max_iterations:
            break
        notes.append(
            f"{name} {reached.reason} after {reached.iterations} iterations "
            f"at relative residual {history[-1]:.1e}"
        )
    assert guess is not None
    return Outcome(guess, iterations, history, "; ".join(notes))
