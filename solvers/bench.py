"""Solvers compared on identical stored systems."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from solvers.courses import run_of
from solvers.measurement import Measurement, write_csv, write_json
from solvers.protocol import Solver
from solvers.registry import create
from solvers.sequence import Sequence as Learner
from solvers.sequence import begin
from solvers.solve import Solution, solve
from solvers.storage import StoredSystem, load_system
from solvers.summary import Size, Summary, growth, noise, sizes, speedups, summarise

__all__ = [
    "Measurement",
    "Size",
    "Summary",
    "bench",
    "growth",
    "load_systems",
    "noise",
    "sizes",
    "speedups",
    "summarise",
    "write_csv",
    "write_json",
]

_PLACES = ("", "systems/", "*/systems/")  # of the systems below a folder


def load_systems(folder: str | os.PathLike[str]) -> dict[str, StoredSystem]:
    """Load the stored systems of a folder, of a run, or of the runs in it.

    Parameters
    ----------
    folder : str or os.PathLike
        A folder of .npz files, the folder of a run, or that of a comparison.

    Returns
    -------
    dict of str to StoredSystem
        The systems by the names of their files, after that of their run where there are several.

    Raises
    ------
    ValueError
        If there are no systems, or one of them cannot be read.
    """
    folder = Path(folder)
    files = [path for place in _PLACES for path in sorted(folder.glob(f"{place}*.npz"))]
    if not files:
        raise ValueError(
            f"{folder} holds no stored systems; record some: fluidsim run SCENE --record-systems 10"
        )
    alone = len({path.parent for path in files}) == 1
    names = (path.relative_to(folder).with_suffix("") for path in files)
    return {
        name.name if alone else "/".join(part for part in name.parts if part != "systems"): stored
        for name, stored in zip(names, map(load_system, files), strict=True)
    }


def bench(
    systems: dict[str, StoredSystem],
    solvers: str | Sequence[str] | Mapping[str, str | Solver],
    rtol: float = 1e-6,
    repeats: int = 5,
    use_guess: bool = True,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> list[Measurement]:
    """Run every solver on every system.

    The solvers take turns, forwards and backwards, so that whatever else the machine does meets all
    of them alike. Those that learn from a run go through its systems as they stand, each repeat
    with what they knew after the system before.

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
        Called before each run with the number of measurements done, their total, and what comes
        next.

    Returns
    -------
    list of Measurement
        System by system. A solver that fails gives a measurement that says why.
    """
    solvers = [solvers] if isinstance(solvers, str) else solvers
    named = solvers if isinstance(solvers, Mapping) else {name: name for name in solvers}
    results = []
    total = len(systems) * len(named)
    last_run, last, learners = None, None, {}
    for name, stored in systems.items():
        run = run_of(name, stored.system.shape)
        goes_on = run is not None and run == last_run
        repeated = goes_on and last is not None and last.equals(stored.system)
        if not goes_on:
            learners = {label: _begun(solver) for label, solver in named.items()}
        trials = [_Trial(name, stored, label, learners[label], rtol, use_guess) for label in named]
        for turn in range(repeats + 1):
            for number, trial in enumerate(trials[::-1] if turn % 2 else trials):
                what = f"{trial.label} on {name}, " + (f"{turn}/{repeats}" if turn else "warm-up")
                progress(len(results) + (turn * len(trials) + number) // (repeats + 1), total, what)
                trial.run()
        results += [trial.measurement(repeated) for trial in trials]
        last_run, last = run, stored.system
    progress(total, total, "")
    return results


def _begun(solver: str | Solver) -> str | Solver:
    """The solver for a run, if it learns from one; a name that is none fails when it is used."""
    try:
        named = create(solver, {}) if isinstance(solver, str) else solver
    except ValueError:
        return solver
    begun = begin(named)
    return begun if isinstance(begun, Learner) else solver


class _Trial:
    """One solver on one system, run by turns with the others."""

    def __init__(
        self, name: str, stored: StoredSystem, label: str, solver: str | Solver, rtol: float,
        use_guess: bool,
    ) -> None:  # fmt: skip
        self.name, self.stored, self.label, self.solver = name, stored, label, solver
        self.rtol = rtol
        self.guess = stored.guess if use_guess else None
        self._known = solver.memory() if isinstance(solver, Learner) else {}
        self.runs: list[Solution] = []
        self.failure = ""

    def run(self) -> None:
        """Once more, unless it has failed."""
        if self.failure:
            return
        system, rhs = self.stored.system, self.stored.rhs
        if isinstance(self.solver, Learner):
            self.solver.recall(self._known)
        try:
            found = solve(system, rhs, self.solver, self.guess, self.rtol, throw=False)
        except (ValueError, RuntimeError, MemoryError, ArithmeticError) as error:
            self.failure = " ".join(str(error).split()) or type(error).__name__
            self.runs = []
            return
        if not found.converged:
            self.failure = "not converged"
            self.runs = [found]
        else:
            self.runs.append(dataclasses.replace(found, pressure=_NOTHING))

    def measurement(self, repeated: bool) -> Measurement:
        system = self.stored.system
        first = self.runs[0] if self.runs else None
        timed = self.runs if self.failure else self.runs[1:]
        return Measurement(
            system=self.name,
            shape=system.shape,
            unknowns=system.unknowns,
            solver=self.label,
            iterations=first.iterations if first else 0,
            relative_residual=max((run.relative_residual for run in timed), default=math.nan),
            failure=self.failure,
            repeated=repeated,
            setup_times=[run.setup_seconds for run in timed],
            solve_times=[run.solve_seconds for run in timed],
            history=first.residual_history if first else [],
        )


_NOTHING = torch.empty(0)  # in place of a pressure that nobody will look at
