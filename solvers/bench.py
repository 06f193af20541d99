"""Solvers side by side on identical stored systems."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
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
    """One solver on one system: medians over the repeats after one run for warm-up.

    relative_residual is the true one, in float64. failure: why there is no answer, else "".
    history: relative residual after each iteration, as the solver saw it; nan where it did not
        look.
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
        return self.setup_seconds + self.solve_seconds


def load_systems(folder: Path) -> dict[str, StoredSystem]:
    """The stored systems of a folder (or of the `systems` folder in a run) by name.

    Raises ValueError with one line when there is none or one cannot be read.
    """
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
    """Every solver on every system; a solver that fails gives a row that says so.

    solvers: names, or solvers with options by the names that their rows shall have.
    use_guess: start from the guess of the run, where one is stored.
    progress: told (done, total, what comes next).
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
    """A solver over all systems: means over those it solved; speedup over `cg`, median."""

    solver: str
    solved: int
    systems: int
    iterations: float
    most_iterations: int
    setup_seconds: float
    solve_seconds: float
    speedup: float


def summarise(results: Sequence[Measurement], baseline: str = "cg") -> list[Summary]:
    """A line a solver, in the order of their first results; nan where nothing was solved."""
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
    """Time of the baseline over that of the solver, setup included, where both solved it."""
    base = {r.system: r.seconds for r in results if r.solver == baseline and not r.failure}
    return [
        base[r.system] / r.seconds
        for r in results
        if r.solver == solver and not r.failure and r.system in base and r.seconds > 0
    ]


def write_csv(path: Path, results: Iterable[Measurement]) -> None:
    """A line a measurement, without histories."""
    names = [field.name for field in dataclasses.fields(Measurement) if field.name != "history"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        for result in results:
            shape = "x".join(map(str, result.shape))
            writer.writerow({**dataclasses.asdict(result), "shape": shape})


def write_json(path: Path, results: Iterable[Measurement], header: dict[str, Any]) -> None:
    """header (machine, versions, settings), then all measurements with their histories."""
    rows = [_without_nan(dataclasses.asdict(result)) for result in results]
    text = json.dumps({**header, "results": rows}, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _without_nan(value: Any) -> Any:
    """The same with None for nan and inf, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    return [_without_nan(each) for each in value] if isinstance(value, list) else value


def _mean(values: Iterable[float]) -> float:
    kept = list(values)
    return statistics.fmean(kept) if kept else float("nan")
