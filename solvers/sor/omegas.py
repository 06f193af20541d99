"""Learning omega from the number of iterations alone, over the systems of a run.

Khodak, Chow, Balcan & Talwalkar (2024), Learning to relax: setting solver parameters across a
sequence of linear systems, ICLR: a bandit over a grid of omegas (their algorithm 1), and one that
looks at a number which describes each system (their ChebCB). As there is no diagonal shift here,
that number is the share of known pressure in the equations, `openness`.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from solvers.learning import tsallis
from solvers.learning.draws import draw
from solvers.system import PoissonSystem

# 2 / (1 + s) with s = 1.5^-k: of a box of n cells the best is at s = sin(pi / n) (Young 1954), and
# away from there the number of sweeps is a function of the ratio of the two.
OMEGAS = 2.0 / (1.0 + 1.5 ** -np.arange(13.0))
_CAP = 3.0  # times the usual iterations after which an omega that is tried out is given up
_MEMORY = 0.2  # weight of the last solve in the usual number of iterations
_LEAST_OPEN = 1e-5  # where the polynomials begin
_DEGREE = 2
_RIDGE = 0.1
_GREED = 4.0


def estimate(system: PoissonSystem) -> int:
    """The index of the omega that Young's formula gives for a box of the system's longest side."""
    s = math.sin(math.pi / max(3, *system.shape))
    return int(np.abs(np.log(2.0 / OMEGAS[1:] - 1.0) - math.log(s)).argmin()) + 1


def openness(system: PoissonSystem) -> float:
    """(1, A 1) / (1, D 1): the share of the weights that lead to known pressure.

    The Rayleigh quotient of the constant, hence a bound from above of the smallest eigenvalue of
    D^-1 A, on which the best omega depends; 0 in closed boxes.
    """
    ones = torch.ones(system.shape, dtype=torch.float64, device=system.device)
    total = float(system.diagonal().sum())
    return float(system.apply(ones).sum()) / total if total > 0 else 0.0


class Learner(Protocol):
    """A bandit over OMEGAS; its memory is all that its choices depend on."""

    def choose(self, about: float, start: int) -> tuple[int, float]:
        """The index of an omega, and the iterations after which to give it up.

        about: openness of the system. start: what to take where nothing is known.
        """
        ...

    def best(self, about: float, start: int) -> int:
        """The index of the omega that looks best."""
        ...

    def learn(self, about: float, arm: int, iterations: int) -> None:
        """Take note of what an omega cost."""
        ...

    def memory(self) -> dict[str, Tensor]: ...

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Raises KeyError, ValueError or RuntimeError where the memory is another learner's."""
        ...


class Plain:
    """Tsallis-INF; a loss is the iterations over _CAP times the usual ones.

    losses: (k,) estimated sums. turns: solves so far. usual: a mean of the last solves with the
    omega that looks best.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.losses, self.turns, self.usual = np.zeros(len(OMEGAS)), 0, math.inf

    def choose(self, about: float, start: int) -> tuple[int, float]:
        if self.turns == 0:
            return start, math.inf
        chances = tsallis.probabilities(self.losses, self.turns)
        return draw(chances, self.seed, self.turns), _CAP * self.usual

    def best(self, about: float, start: int) -> int:
        return int(self.losses.argmin()) if self.turns > 1 else start

    def learn(self, about: float, arm: int, iterations: int) -> None:
        if self.turns == 0:
            self.usual = float(iterations)
        loss = min(1.0, iterations / (_CAP * self.usual))
        self.losses = tsallis.learn(self.losses, self.turns, arm, loss)
        self.turns += 1
        if arm == self.best(about, arm) or iterations < self.usual:
            self.usual += _MEMORY * (iterations - self.usual)

    def memory(self) -> dict[str, Tensor]:
        about = torch.tensor([self.turns, self.usual], dtype=torch.float64)
        return {"losses": torch.from_numpy(self.losses), "about": about}

    def recall(self, memory: dict[str, Tensor]) -> None:
        losses = np.zeros(len(OMEGAS))
        losses[:] = _fitting(memory["losses"], losses.shape)
        turns, usual = _fitting(memory["about"], (2,)).tolist()
        self.losses, self.turns, self.usual = losses, int(turns), usual


class Contextual:
    """Ridge regression of log2(iterations) on Chebyshev polynomials of the logarithm of openness.

    One for each omega; the next one is drawn with the inverse gap weights of Foster & Rakhlin
    (2020), Beyond UCB. grams: (k, m, m). moments: (k, m), both of the part above `level`, the
    logarithm at the first solve.
    """

    def __init__(self, seed: int) -> None:
        self.seed, size = seed, _DEGREE + 1
        self.grams = np.tile(_RIDGE * np.eye(size), (len(OMEGAS), 1, 1))
        self.moments = np.zeros((len(OMEGAS), size))
        self.turns, self.level = 0, 0.0

    def choose(self, about: float, start: int) -> tuple[int, float]:
        if self.turns == 0:
            return start, math.inf
        expected = self._expected(about)
        best = int(expected.argmin())
        steepness = _GREED * math.sqrt(len(OMEGAS) * self.turns)
        chances = 1.0 / (len(OMEGAS) + steepness * (expected - expected[best]))
        chances[best] += 1.0 - chances.sum()
        return draw(chances, self.seed, self.turns), _CAP * 2.0 ** (self.level + expected[best])

    def best(self, about: float, start: int) -> int:
        return int(self._expected(about).argmin()) if self.turns > 1 else start

    def learn(self, about: float, arm: int, iterations: int) -> None:
        value, features = math.log2(iterations), _features(about)
        if self.turns == 0:
            self.level = value
        self.grams[arm] += np.outer(features, features)
        self.moments[arm] += (value - self.level) * features
        self.turns += 1

    def memory(self) -> dict[str, Tensor]:
        about = torch.tensor([self.turns, self.level], dtype=torch.float64)
        tables = torch.from_numpy(self.grams.copy()), torch.from_numpy(self.moments.copy())
        return {"grams": tables[0], "moments": tables[1], "about": about}

    def recall(self, memory: dict[str, Tensor]) -> None:
        grams = _fitting(memory["grams"], self.grams.shape).numpy().copy()
        moments = _fitting(memory["moments"], self.moments.shape).numpy().copy()
        turns, level = _fitting(memory["about"], (2,)).tolist()
        self.grams, self.moments, self.turns, self.level = grams, moments, int(turns), level

    def _expected(self, about: float) -> np.ndarray:
        """log2(iterations) above the level, of each omega: (k,)."""
        coefficients = np.linalg.solve(self.grams, self.moments[..., None])[..., 0]
        return coefficients @ _features(about)


LEARNERS = {"learned": Plain, "contextual": Contextual}


def _features(about: float) -> np.ndarray:
    """Chebyshev polynomials of the logarithm of openness, which is brought to -1..1."""
    span = math.log(_LEAST_OPEN)
    x = 1.0 - 2.0 * math.log(min(max(about, _LEAST_OPEN), 1.0)) / span
    return np.polynomial.chebyshev.chebvander([x], _DEGREE)[0]


def _fitting(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    if tuple(values.shape) != shape:
        raise ValueError(f"{tuple(values.shape)} instead of {shape}")
    return values.cpu().double()
