"""What the guess of a solve saves: from zero, the last pressure, and several; and what it costs."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch

import solvers
from fluidsim.figures.report import markdown
from fluidsim.figures.sequences import RTOL, Run, in_turn
from solvers import runtime
from solvers.history import FEW, History
from solvers.model_systems import model_system
from solvers.storage import StoredSystem

RUNS = (
    Run("smoke_solid", 2, 96),
    Run("karman_street", 2, 96),
    Run("smoke_plume", 2, 128),
    Run("smoke_solid", 3, 64),
    Run("smoke_moving_donuts", 2, 96),
    Run("dam_break", 2, 96),
    Run("dam_break", 3, 48),
)
FRAMES = 40
SOLVERS = ("multigrid", "ic", "cg")
ZERO, LAST = -1, 0
SIZES = (ZERO, LAST, 2, 4, 8)
SHAPES = ((96, 96), (64, 64, 64), (128, 128, 128))
REPEATS = 9


class _Guessing:
    """A solver and a history; size: of the history, or LAST or ZERO."""

    def __init__(self, solver: str, size: int) -> None:
        self.solver, self.size = solver, size
        self.history = History(max(size, 0))
        self.prepared: Any = None
        self.iterations = 0

    def solve(self, stored: StoredSystem, is_new: bool) -> None:
        """As a step of a run does."""
        if is_new:
            self.prepared = solvers.prepare(stored.system, self.solver)
        guess = self.history.guess(stored.system, stored.rhs)
        if guess is None and self.size != ZERO:
            guess = stored.guess
        found = solvers.solve(stored.system, stored.rhs, self.prepared, guess, RTOL)
        self.history.learn(stored.rhs, found.pressure)
        self.iterations += found.iterations


def means(systems: Iterable[StoredSystem]) -> tuple[int, dict[tuple[str, int], float]]:
    """The number of systems; by solver and size, iterations a solve."""
    each = [_Guessing(solver, size) for solver in SOLVERS for size in SIZES]
    count = 0
    for stored, is_new in in_turn(systems):
        count += 1
        for guessing in each:
            guessing.solve(stored, is_new)
    return count, {(g.solver, g.size): g.iterations / count for g in each}


def costs(shape: tuple[int, ...]) -> list[float]:
    """Seconds for a guess where the system stays and where it is new, and of a solve from zero."""
    stored = model_system("smoke", shape)
    others = [dataclasses.replace(stored.system) for _ in range(2)]
    solutions = [stored.rhs + 0.1 * torch.rand_like(stored.rhs) for _ in range(FEW + 1)]
    history = History(FEW)

    def step(system: solvers.PoissonSystem) -> None:
        history.guess(system, stored.rhs)
        history.learn(stored.rhs, solutions[0])
        solutions.append(solutions.pop(0))

    def change() -> None:
        others.reverse()
        step(others[0])

    prepared = solvers.prepare(stored.system)
    actions = (
        lambda: step(stored.system),
        change,
        lambda: solvers.solve(stored.system, stored.rhs, prepared, rtol=RTOL),
    )
    return [_median(action) for action in actions]


def guesses() -> str:
    """The section `guesses`."""
    runtime.configure()
    names = {ZERO: "zero", LAST: "the last"}
    titles = [names.get(size, str(size)) for size in SIZES]
    lines = [["run", "systems", "solver", *titles]]
    for run in RUNS:
        print(f"guesses of {run.title}", flush=True)
        count, found = means(run.systems(FRAMES, "--history", "0"))
        for solver in SOLVERS:
            cells = (f"{found[solver, size]:.2f}" for size in SIZES)
            lines.append([run.title, str(count), solver, *cells])
    note = (
        f"Mean iterations to {RTOL:.0e} over the steps of {FRAMES} frames. The last: the last "
        "pressure, in smoke extrapolated. Numbers: so many pressures, brought along to each new "
        "system."
    )
    spent = [["ms", "same system", "new system", "solve"]]
    for shape in SHAPES:
        cells = (f"{1e3 * seconds:.2f}" for seconds in costs(shape))
        spent.append(["x".join(map(str, shape)), *cells])
    about = (
        f"Finding a guess from {FEW} pressures and keeping the solution, and a solve by "
        f"`multigrid` from zero (model system `smoke`); medians of {REPEATS}, threads: "
        f"{runtime.available_threads()}."
    )
    return f"{markdown(lines)}\n\n{note}\n\n{markdown(spent)}\n\n{about}"


def _median(action: Callable[[], Any]) -> float:
    times = []
    for _ in range(REPEATS + FEW + 1):  # until the history is full, and kernels are there
        begun = time.perf_counter()
        action()
        times.append(time.perf_counter() - begun)
    return statistics.median(times[FEW + 1 :])
