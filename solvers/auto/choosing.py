"""Which arm comes next: each is tried once, bad ones are left, Tsallis-INF draws among the rest."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from solvers.learning import tsallis
from solvers.learning.draws import draw

CAP = 2.0  # times the usual work after which an arm is given up and left for good
_MEMORY = 0.2  # weight of the last solve in the usual work
_FEWEST = 4  # solves of an arm before it may be left for being a little dearer
_ERRORS = 2.0  # by so many standard errors
_FLOOR = 0.01  # of the error of a mean


class Chooser:
    """What is known of `count` arms, of which number 0 is the default.

    Work is counted relative to `usual`, a mean of the last solves with the best arm, so that it
    does not matter that all systems of a run become harder together. Arms are left for good when
    one solve takes CAP times that, or when their mean is above the best one by more than the errors
    of both (successive elimination, Even-Dar, Mannor & Mansour 2006). For the others, the regret is
    bounded by that of `solvers.learning.tsallis`, with CAP times the usual work as unit.

    losses: (count,) estimated sums. table: (count, 3): solves, sum and sum of squares of relative
    work. alive: (count,) bool.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.seed = seed
        self.losses, self.table = np.zeros(count), np.zeros((count, 3))
        self.alive = np.ones(count, dtype=bool)
        self.turns, self.usual = 0, math.inf

    def next(self) -> int:
        """The arm of the next solve."""
        untried = np.flatnonzero(self.alive & (self.table[:, 0] == 0))
        if len(untried):
            return int(untried[0])
        arms = np.flatnonzero(self.alive)
        chances = tsallis.probabilities(self.losses[arms], self.turns)
        return int(arms[draw(chances, self.seed, self.turns)])

    def best(self) -> int:
        """The arm with the least mean work."""
        return int(np.where(self.alive, self._means(), math.inf).argmin())

    def leave(self, arm: int) -> None:
        """Never try an arm again, unless it is the only one."""
        if self.alive.sum() > 1:
            self.alive[arm] = False

    def learn(self, arm: int, work: float) -> None:
        """Take note of what a solve with an arm cost."""
        if self.turns == 0:
            self.usual = work
        relative = work / self.usual
        arms = np.flatnonzero(self.alive)
        if self.table[arm, 0] == 0:
            self.losses[arm] += min(1.0, relative / CAP)
        else:
            place = int(np.searchsorted(arms, arm))
            loss = min(1.0, relative / CAP)
            self.losses[arms] = tsallis.learn(self.losses[arms], self.turns, place, loss)
        self.table[arm] += (1.0, relative, relative**2)
        self.turns += 1
        if arm == self.best():
            self.usual += _MEMORY * (work - self.usual)
        self._leave_dear_ones()

    def memory(self) -> dict[str, Tensor]:
        """All that later choices depend on."""
        about = torch.tensor([self.turns, self.usual], dtype=torch.float64)
        return {
            "losses": torch.from_numpy(self.losses.copy()),
            "table": torch.from_numpy(self.table.copy()),
            "alive": torch.from_numpy(self.alive.copy()),
            "about": about,
        }

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Raises KeyError or ValueError if the memory is of another number of arms."""
        names = ("losses", "table", "alive")
        found = [memory[name].cpu().numpy().copy() for name in names]
        if [each.shape for each in found] != [getattr(self, name).shape for name in names]:
            raise ValueError("another number of arms")
        turns, self.usual = memory["about"].tolist()
        self.turns = int(turns)
        self.losses, self.table, self.alive = found[0], found[1], found[2]

    def _means(self) -> np.ndarray:
        tried = np.maximum(self.table[:, 0], 1.0)
        return np.where(self.table[:, 0] > 0, self.table[:, 1] / tried, math.inf)

    def _leave_dear_ones(self) -> None:
        solves = np.maximum(self.table[:, 0], 1.0)
        means = self._means()
        spread = np.sqrt(
            np.maximum(self.table[:, 2] / solves - (self.table[:, 1] / solves) ** 2, 0)
        )
        errors = spread / np.sqrt(solves) + _FLOOR
        best = self.best()
        if self.table[best, 0] >= _FEWEST:
            dear = means - means[best] > _ERRORS * (errors + errors[best])
            self.alive[dear & (self.table[:, 0] >= _FEWEST)] = False
