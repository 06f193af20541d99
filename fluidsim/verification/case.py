"""What a case of the suite is, and what it finds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Check:
    """A number that was measured, and what it should be: `reference`, give or take `tolerance`, or
    more where that is `at_least`."""

    what: str
    measured: float
    reference: float
    tolerance: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """False also for a number that is not finite."""
        if self.at_least:
            return self.measured >= self.reference - self.tolerance
        return abs(self.measured - self.reference) <= self.tolerance


@dataclass(frozen=True)
class Curve:
    """y over x; a reference is drawn black, as points if it is sparse."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    reference: bool = False


@dataclass(frozen=True)
class Plot:
    """A small picture; `loglog` for orders of convergence."""

    title: str
    across: str
    up: str
    curves: tuple[Curve, ...]
    loglog: bool = False


@dataclass(frozen=True)
class Findings:
    """What a case has measured. table: rows of text, the first one is the heading."""

    checks: tuple[Check, ...]
    plots: tuple[Plot, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Case:
    """A flow with a known answer.

    name: FAMILY-..., as the command line has it. what: in a line, with sizes. source: of the
    answer. run: measures; may raise when the flow cannot be simulated. seconds: about what it
    takes on one core.
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
    """p of the error ~ size^-p that fits best."""
    return -float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def growth(values: Sequence[float]) -> float:
    """The largest of the values against the first, less 1: 0 where they fall. NaN if one is."""
    return float(np.max(values)) / values[0] - 1 if values[0] > 0 else math.inf
