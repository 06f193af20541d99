"""Whether walls are worth a division of the levels: judged by counts, never by a clock.

Work is in nanoseconds of one core of an ordinary machine, as measured once; only ratios matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from solvers.multigrid.packed_levels import Hierarchy

# Work of an unknown in an iteration on levels that are not divided, and what any iteration takes.
_ITERATION, _CALLS = 8.5, 7e4
# Work in an iteration of a coupling of the extra unknowns in 2D and in 3D, and of a factor of
# the coarsest level.
_LINK, _FACTOR = {2: 32.0, 3: 50.0}, 4.0
# Work of dividing: of an unknown, an extra unknown in 2D and in 3D, and a factor, and what any
# division takes. A solve is not interrupted for less than this many times as much.
_SETUP, _EXTRA, _FACTORED, _BEGUN = 35.0, {2: 2700.0, 3: 3800.0}, 180.0, 1e6
_MARGIN = 1.2
# Iterations on divided levels: of one decade of the residual, and at the start.
_DECADE, _START = 1.8, 1.0
# A solve is judged after so many iterations, and again each time that so many more are done; where
# fewer than so many follow, nothing is looked for.
_FIRST, _AGAIN, _WORTH = 10, 4, 12
# The last iterations, which may be faster than those before; and the slowest rate.
_LATELY, _SLOWEST = 5, 1e-3


@dataclass(frozen=True)
class Costs:
    """Work on divided levels, of their setup and of an iteration, and iterations for a decade."""

    setup: float
    iteration: float
    decade: float = _DECADE

    def times(self, factor: float) -> Costs:
        """Of a system so many times as large."""
        return replace(self, setup=factor * self.setup, iteration=factor * self.iteration)

    @classmethod
    def expected(cls, hierarchy: Hierarchy, unknowns: int, dim: int) -> Costs:
        """From the number of blocks that walls part."""
        extra = hierarchy.count_parted()
        if extra == 0:
            return cls(math.inf, math.inf)
        links, factors = (dim + 0.5) * extra, unknowns / 4
        return cls._of(unknowns, extra, links, factors, dim)

    @classmethod
    def of(cls, divided: Hierarchy, unknowns: int, dim: int, history: list[float]) -> Costs:
        """From the levels themselves, and the residuals of a solve on them."""
        extra, links, factors = (len(divided.extra[n]) for n in (0, 4, 12))
        found = cls._of(unknowns, extra, links, factors, dim)
        if len(history) > 2 and 0 < history[-1] < history[0] < math.inf:
            decades = math.log10(history[0] / history[-1])
            found = replace(found, decade=(len(history) - 1) / decades)
        return found

    @classmethod
    def _of(cls, unknowns: int, extra: float, links: float, factors: float, dim: int) -> Costs:
        return cls(
            _BEGUN + _SETUP * unknowns + _EXTRA[dim] * extra + _FACTORED * factors,
            _CALLS + _ITERATION * unknowns + _LINK[dim] * links + _FACTOR * factors,
        )


def plain_work(unknowns: int, iterations: float) -> float:
    """Work of so many iterations on levels that are not divided."""
    return (_CALLS + _ITERATION * unknowns) * iterations


class Judge:
    """Follows a solve on levels that are not divided.

    costs: what is known of divided levels, None if that is to be estimated. credit: work that
    divided levels would have saved in earlier solves of the system.

    Attributes
    ----------
    rate : float
        The logarithm of the residual that an iteration gained, 0 before that was looked at.
    ended_after : int
        Iterations after which the solve was ended, to go on on divided levels; 0 if it was not.
    """

    def __init__(
        self,
        hierarchy: Hierarchy,
        unknowns: int,
        dim: int,
        rtol: float,
        costs: Costs | None = None,
        credit: float = 0.0,
    ) -> None:
        self.hierarchy, self.unknowns, self.dim = hierarchy, unknowns, dim
        self.rtol, self.costs, self.credit = rtol, costs, credit
        self.rate, self.ended_after = 0.0, 0

    def divides(self, history: list[float]) -> bool:
        """Whether the rest of the solve should be done on divided levels."""
        done = len(history) - 1
        if done < _FIRST or (done - _FIRST) % _AGAIN or not self._measure(history):
            return False
        rest = math.log(history[-1] / self.rtol) / self.rate
        if rest < _WORTH or plain_work(self.unknowns, rest) + self.credit < _SETUP * self.unknowns:
            return False
        gain = self.gain(history[-1], self.rtol, rest)
        self.ended_after = done if self.credit + gain > _MARGIN * self._known().setup else 0
        return self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether the solve was ended, to go on on divided levels."""
        return self.ended_after > 0

    def gain(self, begin: float, end: float, plain: float) -> float:
        """Work that divided levels save between two residuals, instead of so many iterations."""
        known = self._known()
        expected = _START + known.decade * max(math.log10(begin / end), 0.0)
        return plain_work(self.unknowns, plain) - known.iteration * expected

    def missed(self, history: list[float]) -> float:
        """Work that divided levels would have saved in a solve that is over; never negative."""
        done = len(history) - 1
        if done <= _WORTH or not self._measure(history):
            return 0.0
        gain = self.gain(history[0], history[-1], done)
        return max(gain, 0.0)

    def pays_at_once(self, history: list[float]) -> bool:
        """Whether a solve like this one should begin on divided levels, made for it alone."""
        if self.has_ended:
            return True
        if self.rate <= 0:
            return False
        whole = math.log(history[0] / self.rtol) / self.rate
        if whole < _WORTH or plain_work(self.unknowns, whole) < _SETUP * self.unknowns:
            return False
        return self.gain(history[0], self.rtol, whole) > self._known().setup

    def _known(self) -> Costs:
        if self.costs is None:
            self.costs = Costs.expected(self.hierarchy, self.unknowns, self.dim)
        return self.costs

    def _measure(self, history: list[float]) -> bool:
        """Find the rate of a solve: that of all of it or of the last iterations, the better one.

        The first iterations may do little, while waves of all lengths are in the residual.
        """
        if not 0 < min(history) <= max(history) < math.inf:
            return False
        done = len(history) - 1
        lately = history[max(done - _LATELY, 0)]
        gained = math.log(history[0] / history[-1]) / done
        self.rate = max(gained, math.log(lately / history[-1]) / min(done, _LATELY), _SLOWEST)
        return True
