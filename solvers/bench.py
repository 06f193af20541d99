"""Solvers compared on identical stored systems."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import os
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from solvers.protocol import Solver
from solvers.solve import Solution, solve
from solvers.storage import StoredSystem, load_system


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


def load_systems(folder: str | os.PathLike[str]) -> dict[str, StoredSystem]:
    """Load the stored systems of a folder, or of the folder `systems` in it.

    Parameters
    ----------
    folder : str or os.PathLike
        A folder of .npz files, or the folder of a run.

    Returns
    -------
    dict of str to StoredSystem
        The systems by the names of their files.

    Raises
    ------
    ValueError
        If there are no systems, or one of them cannot be read.
    """
    folder = Path(folder)
    places = [folder, folder / "systems"]
    files = [path for place in places for path in sorted(place.glob("*.npz"))]
    if not files:
        raise ValueError(
            f"{folder} holds no stored systems; record some: fluidsim run SCENE --record-systems 10"
        )
    return {path.stem: load_system(path) for path in files}


def bench(
    systems: dict[str, StoredSystem],
    solvers: Sequence[str] | Mapping[str, str | Solver],
    rtol: float = 1e-6,
    repeats: int = 5,
    use_guess: bool = True,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> list[Measurement]:
    """Run every solver on every system.

    Parameters
    ----------
    systems : dict of str to StoredSystem
        Systems by name.
    solvers : sequence of str, or mapping of str to str or Solver
        Names of solvers, or labels for the results with the solver that each stands for.
    rtol : float, default 1e-6
        True relative residual that is asked for.
    repeats : int, default 5
        Timed runs, after one warm-up run.
    use_guess : bool, default True
        Whether to start from the stored guess, where there is one.
    progress : callable, optional
        Called before each measurement with the number done, the total, and what comes next.

    Returns
    -------
    list of Measurement
        System by system. A solver that fails gives a measurement that says why.
    """
    named = solvers if isinstance(solvers, Mapping) else {name: name for name in solvers}
    jobs = [(name, label) for name in systems for label in named]
    results = []
    for done, (name, label) in enumerate(jobs):
        progress(done, len(jobs), f"{label} on {name}")
        about = {"system": name, "solver": label}
        results.append(_measure(about, systems[name], named[label], rtol, repeats, use_guess))
    progress(len(jobs), len(jobs), "")
    return results


def _measure(
    about: dict[str, str], stored: StoredSystem, solver: str | Solver, rtol: float, repeats: int,
    use_guess: bool,
) -> Measurement:  # fmt: skip
    def once() -> Solution:
        guess = stored.guess if use_guess else None
        return solve(stored.system, stored.rhs, solver, guess, rtol, throw=False)

    fixed: dict[str, Any] = {
        **about,
        "shape": stored.system.shape,
        "unknowns": stored.system.unknowns,
    }
    try:
        warm = once()
        if not warm.converged:
            return Measurement(
                **fixed, iterations=warm.iterations, relative_residual=warm.relative_residual,
                setup_seconds=warm.setup_seconds, solve_seconds=warm.solve_seconds,
                failure="not converged", history=warm.residual_history,
            )  # fmt: skip
        runs = [once() for _ in range(repeats)]
    except (ValueError, RuntimeError, MemoryError, ArithmeticError) as error:
        nan = float("nan")
        return Measurement(
            **fixed, iterations=0, relative_residual=nan, setup_seconds=nan, solve_seconds=nan,
            failure=" ".join(str(error).split()) or type(error).__name__, history=[],
        )  # fmt: skip
    return Measurement(
        **fixed, iterations=warm.iterations, failure="", history=warm.residual_history,
        relative_residual=max(run.relative_residual for run in runs),
        setup_seconds=statistics.median(run.setup_seconds for run in runs),
        solve_seconds=statistics.median(run.solve_seconds for run in runs),
    )  # fmt: skip


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
        Mean number of iterations; most_iterations is the largest.
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
