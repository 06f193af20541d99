"""Iterations and CPU time of multigrid behind thin walls, with and without pieces of aggregates."""

from __future__ import annotations

import time

import solvers
from fluidsim.figures.report import markdown
from solvers import runtime
from solvers.multigrid import Multigrid
from solvers.protocol import Solver
from solvers.sequence import begin
from solvers.solve import solve
from solvers.storage import StoredSystem
from solvers.walled_systems import KINDS, walled_system

SHAPES = ((96, 96), (192, 160), (24, 24, 24))
PIECES = ("never", "auto", "always")
SOLVES = 15  # of a run


def walls() -> str:
    """Iterations to 1e-6 on each kind of walls, and CPU time of one solve with its setup."""
    runtime.configure()
    names = ["x".join(map(str, shape)) for shape in SHAPES]
    counts, times = [["iterations to 1e-6", *names]], [["CPU ms", *names]]
    for kind in KINDS:
        lines = [kind], [kind]
        for shape in SHAPES:
            print(f"{kind} {shape}", flush=True)
            stored = walled_system(kind, shape)
            found = [_measured(stored, Multigrid(pieces=pieces)) for pieces in PIECES]
            found.insert(2, (_at_last(stored), ""))
            lines[0].append(" / ".join(count for count, _ in found))
            lines[1].append(" / ".join(spent for _, spent in found if spent))
        counts.append(lines[0])
        times.append(lines[1])
    note = (
        "`pieces` `never` / `auto` / `auto`, the last of "
        f"{SOLVES} solves of one system in a run / `always`, at most 500 iterations. Walls: faces "
        "without thickness, or solid one cell thick (`solvers/walled_systems.py`, seed 0)."
    )
    spent = (
        "Setup and solve, `never` / `auto` / `always`, the least of 3 after one for warm-up, CPU "
        f"time, threads: {runtime.available_threads()}. On a busy machine only their ratios mean "
        "something."
    )
    return f"{markdown(counts)}\n\n{note}\n\n{markdown(times)}\n\n{spent}"


def _measured(stored: StoredSystem, solver: Solver) -> tuple[str, str]:
    """Iterations, or that it failed, and CPU time in ms."""
    least, solution = float("inf"), solve(stored.system, stored.rhs, solver, throw=False)
    for _ in range(3):
        begun = time.process_time()
        solve(stored.system, stored.rhs, solver, throw=False)
        least = min(least, time.process_time() - begun)
    return str(solution.iterations) if solution.converged else "failed", f"{1e3 * least:.0f}"


def _at_last(stored: StoredSystem) -> str:
    """Iterations of the last solve of a run with this system."""
    prepared = solvers.prepare(stored.system, begin(Multigrid()))
    counts = [
        solve(stored.system, stored.rhs, prepared, throw=False).iterations for _ in range(SOLVES)
    ]
    return str(counts[-1])
