"""PETSc on the ranks of MPI beside `multigrid` on as many threads, on stored systems."""

from __future__ import annotations

import gc
import statistics
from dataclasses import dataclass, field
from typing import Any

import numba
import torch

from solvers import resident
from solvers.petsc import ranks
from solvers.petsc.ranks import Ranks
from solvers.sequence import begin
from solvers.solve import Solution, prepare, solve
from solvers.storage import StoredSystem


@dataclass(frozen=True)
class Row:
    """What one solver did on one system.

    Attributes
    ----------
    system, solver : str
        Their names.
    unknowns, iterations : int
        Their numbers.
    processes : int
        Ranks of MPI, or threads of `multigrid`.
    setup_seconds, update_seconds, solve_seconds : float
        Medians. The update sets the same matrix up again where it is, nan for `multigrid`.
    relative_residual : float
        True relative residual in float64.
    converged : bool
        Whether it meets the tolerance.
    difference : float
        ||p - q|| / ||q||, where q is the pressure of `multigrid`; 0 for itself.
    memory : list of int
        Bytes by which the memory of each rank grew at its peak; 0 where it cannot be measured.
    """

    system: str
    solver: str
    unknowns: int
    iterations: int
    processes: int
    setup_seconds: float
    update_seconds: float
    solve_seconds: float
    relative_residual: float
    converged: bool
    difference: float
    memory: list[int] = field(default_factory=list)


def compared(
    name: str, stored: StoredSystem, solver: Ranks, rtol: float, repeats: int
) -> list[Row]:
    """The rows of `multigrid` and of PETSc, by turns. To be called on rank 0 while others serve."""
    threads = min(ranks.size(), numba.get_num_threads())
    numba.set_num_threads(threads)
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(_multigrid(stored, rtol))
        theirs.append(_petsc(stored, solver, rtol))
    reference = ours[0].solution.pressure
    scale = float(torch.linalg.vector_norm(reference))
    rows = []
    for trials, label, processes in ((ours, "multigrid", threads), (theirs, "petsc", ranks.size())):
        found = trials[0].solution
        away = float(torch.linalg.vector_norm(found.pressure - reference))
        rows.append(
            Row(
                system=name,
                solver=label,
                unknowns=stored.system.unknowns,
                iterations=found.iterations,
                processes=processes,
                setup_seconds=statistics.median(trial.setup for trial in trials),
                update_seconds=statistics.median(trial.update for trial in trials),
                solve_seconds=statistics.median(trial.solution.solve_seconds for trial in trials),
                relative_residual=max(trial.solution.relative_residual for trial in trials),
                converged=all(trial.solution.converged for trial in trials),
                difference=away / scale if scale else away,
                memory=trials[0].memory,
            )
        )
    return rows


@dataclass(frozen=True)
class _Trial:
    solution: Solution
    setup: float
    update: float
    memory: list[int]


def _multigrid(stored: StoredSystem, rtol: float) -> _Trial:
    gc.collect()
    before = resident.begin() if resident.can_measure() else 0
    found = solve(stored.system, stored.rhs, "multigrid", stored.guess, rtol, throw=False)
    grown = resident.peak() - before if resident.can_measure() else 0
    return _Trial(found, found.setup_seconds, float("nan"), [grown])


def _petsc(stored: StoredSystem, solver: Ranks, rtol: float) -> _Trial:
    gc.collect()
    kept: Any = begin(solver)
    first = prepare(stored.system, kept)
    found = solve(stored.system, stored.rhs, first, stored.guess, rtol, throw=False)
    memory = solver.memory()
    again = prepare(stored.system, kept)
    return _Trial(found, first.setup_seconds, again.setup_seconds, memory)
