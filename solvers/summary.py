"""What the measurements of a comparison say: means, speedups, growth with size, and noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from solvers.measurement import Measurement, quartiles

# The middle half of the repeats may spread by this part of their median; more is noise. Less than
# a millisecond is no sign: the clock and the scheduler are not finer.
NOISY, LEAST_SPREAD = 0.2, 1e-3


@dataclass(frozen=True)
class Summary:
    """One solver on all systems: means over those it solved, nan if it solved none.

    Attributes
    ----------
    solver : str
        Its name.
    solved, systems : int
        Number of systems it solved, and of all.
    iterations : float
        Mean number of iterations.
    most_iterations : int
        Largest number of iterations.
    setup_seconds, solve_seconds : float
        Means over the systems of the medians over the repeats.
    slowest_setup : float
        Seconds of the slowest setup of all systems and repeats.
    speedup : float
        Median of `speedups`.
    speedup_quartiles : tuple of float
        Lower and upper quartile of the ratios of all systems and repeats.
    """

    solver: str
    solved: int
    systems: int
    iterations: float
    most_iterations: int
    setup_seconds: float
    solve_seconds: float
    slowest_setup: float
    speedup: float
    speedup_quartiles: tuple[float, float]


@dataclass(frozen=True)
class Size:
    """One solver on the systems of one grid: medians over those it solved.

    Attributes
    ----------
    solver : str
        Its name.
    shape : tuple of int
        Cells along each axis.
    solved, systems : int
        Number of systems it solved, and of all of this grid.
    unknowns, iterations, seconds : float
        Medians over the systems; nan if it solved none.
    """

    solver: str
    shape: tuple[int, ...]
    solved: int
    systems: int
    unknowns: float
    iterations: float
    seconds: float


def baseline_of(results: Iterable[Measurement]) -> str:
    """Choose the solver that speedups refer to: cg, or the first where it is not among them."""
    names = [result.solver for result in results]
    return "cg" if "cg" in names or not names else names[0]


def summarise(results: Sequence[Measurement], baseline: str = "cg") -> list[Summary]:
    """Summarise measurements by solver.

    Parameters
    ----------
    results : sequence of Measurement
        Measurements of any number of solvers.
    baseline : str, default "cg"
        The solver that speedups refer to.

    Returns
    -------
    list of Summary
        One per solver, in the order of their first measurements.
    """
    summaries = []
    for solver in _solvers(results):
        mine = [result for result in results if result.solver == solver]
        good = [result for result in mine if not result.failure]
        lower, _, upper = quartiles(_ratios(results, solver, baseline))
        summaries.append(
            Summary(
                solver=solver,
                solved=len(good),
                systems=len(mine),
                iterations=_mean(result.iterations for result in good),
                most_iterations=max((result.iterations for result in good), default=0),
                setup_seconds=_mean(result.setup_seconds for result in good),
                solve_seconds=_mean(result.solve_seconds for result in good),
                slowest_setup=max((max(each.setup_times) for each in good), default=math.nan),
                speedup=quartiles(speedups(results, solver, baseline))[1],
                speedup_quartiles=(lower, upper),
            )
        )
    return summaries


def speedups(results: Sequence[Measurement], solver: str, baseline: str = "cg") -> list[float]:
    """Time of the baseline divided by that of a solver, setup included.

    Parameters
    ----------
    results : sequence of Measurement
        Measurements of both.
    solver, baseline : str
        Their names.

    Returns
    -------
    list of float
        One ratio of medians per system that both solved.
    """
    return [
        base.seconds / mine.seconds
        for base, mine in _pairs(results, solver, baseline)
        if mine.seconds > 0
    ]


def sizes(results: Sequence[Measurement]) -> list[Size]:
    """Summarise measurements by solver and grid.

    Parameters
    ----------
    results : sequence of Measurement
        Measurements of any number of solvers on any number of grids.

    Returns
    -------
    list of Size
        Solver by solver, from few unknowns to many.
    """
    found = []
    shapes = sorted({each.shape for each in results}, key=lambda shape: (math.prod(shape), shape))
    for solver in _solvers(results):
        for shape in shapes:
            mine = [each for each in results if (each.solver, each.shape) == (solver, shape)]
            good = [each for each in mine if not each.failure]
            medians = (
                quartiles([values(each) for each in good])[1]
                for values in (lambda r: r.unknowns, lambda r: r.iterations, lambda r: r.seconds)
            )
            found.append(Size(solver, shape, len(good), len(mine), *medians))
    return found


def growth(results: Sequence[Measurement], solver: str) -> float:
    """Fit the exponent p of seconds ~ unknowns**p.

    Parameters
    ----------
    results : sequence of Measurement
        Measurements on grids of several sizes.
    solver : str
        Whose times are fitted.

    Returns
    -------
    float
        By least squares through the medians of each grid; nan with less than two.
    """
    mine = [each for each in sizes(results) if each.solver == solver and each.solved]
    if len({each.unknowns for each in mine}) < 2:
        return math.nan
    unknowns, seconds = (
        np.log([getattr(each, name) for each in mine]) for name in ("unknowns", "seconds")
    )
    return float(np.polyfit(unknowns, seconds, 1)[0])


def noise(results: Sequence[Measurement]) -> str:
    """Judge whether the times can be trusted.

    Parameters
    ----------
    results : sequence of Measurement
        With several repeats each.

    Returns
    -------
    str
        One line if the repeats differ more than those of a quiet machine do, else "".
    """
    spreads = []
    good = [each for each in results if not each.failure]
    for each in good:
        lower, median, upper = quartiles(each.times)
        if upper - lower > max(NOISY * median, LEAST_SPREAD):
            spreads.append((upper - lower) / median)
    if not spreads:
        return ""
    return (
        f"the times are noisy: in {len(spreads)} of {len(good)} rows the middle half of the "
        f"repeats spreads by more than {NOISY:.0%} of the median (at most {max(spreads):.0%}); "
        "repeat on a quiet machine, or with more --repeats"
    )


def _solvers(results: Iterable[Measurement]) -> list[str]:
    return list(dict.fromkeys(result.solver for result in results))


def _pairs(
    results: Sequence[Measurement], solver: str, baseline: str
) -> list[tuple[Measurement, Measurement]]:
    """The measurements of the baseline and of a solver on each system that both solved."""
    base = {each.system: each for each in results if each.solver == baseline and not each.failure}
    mine = [each for each in results if each.solver == solver and not each.failure]
    return [(base[each.system], each) for each in mine if each.system in base]


def _ratios(results: Sequence[Measurement], solver: str, baseline: str) -> list[float]:
    """Time of the baseline by that of a solver in the same round of repeats, for each system."""
    return [
        b / a
        for base, mine in _pairs(results, solver, baseline)
        for b, a in zip(base.times, mine.times, strict=True)
        if a > 0
    ]


def _mean(values: Iterable[float]) -> float:
    kept = list(values)
    return statistics.fmean(kept) if kept else math.nan
