"""Cases of the suite and their findings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Check:
    """A measured number, which must be within `tolerance` of `reference`, or more if `at_least`."""

    what: str
    measured: float
    reference: float
    tolerance: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the number is right; False if it is not finite."""
        if self.at_least:
            return self.measured >= self.reference - self.tolerance
        return abs(self.measured - self.reference) <= self.tolerance


@dataclass(frozen=True)
class Curve:
    """y over x; a reference is drawn in black, and as points if it has few."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    reference: bool = False


@dataclass(frozen=True)
class Plot:
    """A small picture; loglog: both axes are logarithmic, to show orders of convergence."""

    title: str
    across: str
    up: str
    curves: tuple[Curve, ...]
    loglog: bool = False


@dataclass(frozen=True)
class Findings:
    """The results of a case. table: rows of text, the first of which is the heading."""

    checks: tuple[Check, ...]
    plots: tuple[Plot, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Case:
    """A flow with a known answer.

    name: FAMILY-..., as on the command line. what: one line that describes it, with sizes. source:
    of the answer. run: measures; it may raise if the flow cannot be simulated. seconds: its
    approximate duration on one core.
    """

    name: str
    what: str
    source: str
    run: Callable[[], Findings] = field(repr=False)
    seconds: float = 10.0

    @property
    def family(self) -> str:
        return self.name.partition("-")[0]


def fitted_order(sizes: Sequence[float], errors: Sequence[float]) -> float:
    """The order p of the best fit, error ~ size^-p."""
    return -float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def growth(values: Sequence[float]) -> float:
    """The largest value over the first one, minus 1: 0 if they fall, NaN if one is NaN."""
    return float(np.max(values)) / values[0] - 1 if values[0] > 0 else math.inf
