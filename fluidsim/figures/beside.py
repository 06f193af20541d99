"""Solves and steps on a machine that other programs use, too."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

from fluidsim import taichi_runtime
from fluidsim.figures.report import machine, markdown
from fluidsim.figures.steps import Trial
from fluidsim.flow.simulation import Simulation
from fluidsim.scene.config import RunConfig
from fluidsim.timing import StageTimer
from fluidsim.tools.beside import busy_programs, fair_slowdown
from solvers import runtime
from solvers.model_systems import model_system
from solvers.solve import solve
from solvers.storage import StoredSystem

COUNTS = (0, 1, 2, 4)  # of other programs
REPEATS, WARM_UP = 5, 2
SOLVERS = {64: ("multigrid", "npsdo", "ic", "amg", "cg"), 128: ("multigrid",)}
STEPS = (Trial("smoke", 3, 64), Trial("flip", 3, 64), Trial("smoke", 3, 128))


def beside() -> str:
    """The section `beside`."""
    threads = runtime.configure()
    taichi_runtime.start(threads)
    heading = ["ms (times what a fair share explains)", *(f"beside {count}" for count in COUNTS)]
    lines = [heading]
    for resolution, names in SOLVERS.items():
        for kind in ("dam", "smoke"):
            for name in names:
                print(f"{name} on {kind} {resolution}^3 beside busy programs", flush=True)
                work = partial(_solve, model_system(kind, (resolution,) * 3), name)
                lines.append([f"{kind} {resolution}^3, {name}", *_cells(work, threads.threads)])
    for trial in STEPS:
        print(f"steps of {trial.title} beside busy programs", flush=True)
        config = RunConfig(scene=trial.kind, dim=trial.dim, resolution=trial.resolution)
        simulation = trial.scene(config).simulate(config, threads, StageTimer(threads.device))
        work = partial(_advance, simulation)
        lines.append([f"step of {trial.title}", *_cells(work, threads.threads)])
    note = (
        f"Setup and solve to 1e-6, or one step; medians of {REPEATS}. Beside so many programs that "
        f"never rest, each of one thread. Machine: {machine()}."
    )
    return f"{markdown(lines)}\n\n{note}"


def _solve(stored: StoredSystem, solver: str) -> int:
    solve(stored.system, stored.rhs, solver)
    return 1


def _advance(simulation: Simulation) -> int:
    return simulation.advance(1 / 60).substeps


def _cells(work: Callable[[], int], threads: int) -> list[str]:
    """ms of a piece of work beside each number of busy programs; it tells how many it was."""
    cells, alone = [], 0.0
    for count in COUNTS:
        with busy_programs(count):
            for _ in range(WARM_UP):
                work()
            seconds = statistics.median(_seconds(work) for _ in range(REPEATS))
        alone = alone or seconds
        beyond = seconds / alone / fair_slowdown(threads, count)
        cells.append(f"{1e3 * seconds:,.0f} ({beyond:.1f})")
    return cells


def _seconds(work: Callable[[], int]) -> float:
    begin = time.perf_counter()
    pieces = work()
    return (time.perf_counter() - begin) / pieces
