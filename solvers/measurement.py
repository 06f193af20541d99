"""What a comparison of solvers measures, its summary, and its files."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import os
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """One solver on one system; times are medians over the repeats, after one warm-up run.

    Attributes
    ----------
    system, solver : str
        Their names.
    shape : tuple of int
        Cells along each axis.
    unknowns : int
        Number of active cells.
    iterations : int
        Iterations of the solver.
    relative_residual : float
        True relative residual in float64, the largest of the repeats; nan after an error.
    setup_seconds, solve_seconds : float
        Wall time of the two parts; nan after an error.
    failure : str
        Why there is no solution, "" if there is one.
    history : list of float
        Relative residual after each iteration as the solver computed it, nan where it did not.
    """

    system: str
    shape: tuple[int, ...]
    unknowns: int
    solver: str
    iterations: int
    relative_residual: float
    setup_seconds: float
    solve_seconds: float
    failure: str
    history: list[float]

    @property
    def seconds(self) -> float:
        """Wall time of setup and solve together."""
        return self.setup_seconds + self.solve_seconds


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
        Mean wall times.
    speedup : float
        Median of `speedups`.
    """

    solver: str
    solved: int
    systems: int
    iterations: float
    most_iterations: int
    setup_seconds: float
    solve_seconds: float
    speedup: float


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
    nan = float("nan")
    summaries = []
    for solver in dict.fromkeys(result.solver for result in results):
        mine = [result for result in results if result.solver == solver]
        good = [result for result in mine if not result.failure]
        ratios = speedups(results, solver, baseline)
        summaries.append(
            Summary(
                solver=solver,
                solved=len(good),
                systems=len(mine),
                iterations=_mean(result.iterations for result in good),
                most_iterations=max((result.iterations for result in good), default=0),
                setup_seconds=_mean(result.setup_seconds for result in good),
                solve_seconds=_mean(result.solve_seconds for result in good),
                speedup=statistics.median(ratios) if ratios else nan,
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
        One ratio per system that both solved.
    """
    base = {r.system: r.seconds for r in results if r.solver == baseline and not r.failure}
    return [
        base[r.system] / r.seconds
        for r in results
        if r.solver == solver and not r.failure and r.system in base and r.seconds > 0
    ]


def write_csv(path: str | os.PathLike[str], results: Iterable[Measurement]) -> None:
    """Write measurements as a CSV file, one line each, without histories.

    Parameters
    ----------
    path : str or os.PathLike
        File to write.
    results : iterable of Measurement
        The measurements.
    """
    names = [field.name for field in dataclasses.fields(Measurement) if field.name != "history"]
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        for result in results:
            shape = "x".join(map(str, result.shape))
            writer.writerow({**dataclasses.asdict(result), "shape": shape})


def write_json(
    path: str | os.PathLike[str], results: Iterable[Measurement], header: dict[str, Any]
) -> None:
    """Write measurements with their histories as a JSON file.

    Parameters
    ----------
    path : str or os.PathLike
        File to write.
    results : iterable of Measurement
        The measurements; nan and inf become null.
    header : dict
        Machine, versions and settings; these come first.
    """
    rows = [_without_nan(dataclasses.asdict(result)) for result in results]
    text = json.dumps({**header, "results": rows}, indent=1, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def _without_nan(value: Any) -> Any:
    """A copy with None for nan and inf, which JSON lacks."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    return [_without_nan(each) for each in value] if isinstance(value, list) else value


def _mean(values: Iterable[float]) -> float:
    kept = list(values)
    return statistics.fmean(kept) if kept else float("nan")
