"""Solvers compared on identical stored systems."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from solvers.measurement import (
    Measurement,
    Summary,
    speedups,
    summarise,
    write_csv,
    write_json,
)
from solvers.protocol import Solver
from solvers.solve import Solution, solve
from solvers.storage import StoredSystem, load_system

__all__ = [
    "Measurement",
    "Summary",
    "bench",
    "load_systems",
    "speedups",
    "summarise",
    "write_csv",
    "write_json",
]


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
    solvers: str | Sequence[str] | Mapping[str, str | Solver],
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
    solvers : str, sequence of str, or mapping of str to str or Solver
        One name or several, or labels for the results with the solver that each stands for.
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
    solvers = [solvers] if isinstance(solvers, str) else solvers
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
