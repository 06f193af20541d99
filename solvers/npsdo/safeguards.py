"""Safeguards of a learned preconditioner: it is watched, and others take over where it fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from solvers.krylov import pcg
from solvers.protocol import Outcome
from solvers.system import PoissonSystem

# A residual that has not fallen by this factor within `patience` iterations has stalled.
_PROGRESS = 0.5


class Watch:
    """Decides whether an iteration still makes progress.

    target: norm of the residual at which it ends. patience: iterations within which the residual
    must be halved. reason: why the iteration must stop, or "".
    """

    def __init__(self, target: float, patience: int) -> None:
        self.target, self.patience = target, patience
        self.reason = ""
        self._has_stalled = False

    def restart(self) -> None:
        """Begin a new cycle of the loop."""
        self._mark, self._waited = math.inf, -1

    def is_over(self, norm: float) -> bool:
        """Whether no further direction is needed; call it once per iteration."""
        if norm <= _PROGRESS * self._mark:
            self._mark, self._waited = norm, 0
        else:
            self._waited += 1
        if self._waited >= self.patience:
            self._has_stalled, self.reason = True, "stalled"
        return norm <= self.target or self._has_stalled

    def checked(self, rz: float) -> float:
        """rz, the product of residual and direction; sets `reason` unless it is one of descent."""
        if not math.isfinite(rz):
            self.reason = "gave values that are not finite"
        elif rz <= 0:
            self.reason = "gave no direction of descent"
        return rz


class WatchedSpace(pcg.Workspace, Protocol):
    """A workspace whose watch ends the loop, by returning (r, z) = 0."""

    watch: Watch

    def pressure(self) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class Attempt:
    """The result of an iteration, see `Outcome`. reason: why it ended before the target, or ""."""

    pressure: Tensor
    iterations: int
    history: list[float]
    reason: str


# Runs from a guess for at most a given number of iterations.
Attempter = Callable[[Tensor | None, int], Attempt]


def attempt(space: WatchedSpace, norm_b: float, rtol: float, max_iterations: int) -> Attempt:
    """Iterate in a workspace until it converges or its watch ends it."""
    iterations, history = pcg.iterate(space, norm_b, rtol, max_iterations)
    return Attempt(space.pressure(), iterations, history, space.watch.reason or "ended")


def in_turns(
    attempters: Iterable[tuple[str, Attempter]],
    system: PoissonSystem,
    guess: Tensor | None,
    rtol: float,
    max_iterations: int,
) -> Outcome:
    """Run the attempters one after the other until one of them reaches the tolerance.

    Each starts from the result of the one before. The notes of the outcome say which ones failed,
    and why.
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
