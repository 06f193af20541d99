"""Solves and steps on a machine that other programs use, too: busy ones, and one like itself."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event

from fluidsim import taichi_runtime
from fluidsim.figures.report import machine, markdown
from fluidsim.figures.steps import Trial
from fluidsim.scene.config import RunConfig
from fluidsim.timing import StageTimer
from fluidsim.tools.beside import busy_programs, fair_slowdown
from solvers import runtime
from solvers.model_systems import model_system
from solvers.runtime import Runtime
from solvers.solve import solve

COUNTS = (0, 1, 2, 4)  # of other programs
REPEATS, WARM_UP = 5, 2
SOLVERS = {64: ("multigrid", "npsdo", "ic", "amg", "cg"), 128: ("multigrid",)}
STEPS = (Trial("smoke", 3, 64), Trial("flip", 3, 64), Trial("smoke", 3, 128))


@dataclass(frozen=True)
class Solve:
    """Setup and solve of a model system."""

    solver: str
    kind: str
    resolution: int

    def __str__(self) -> str:
        return f"{self.kind} {self.resolution}^3, {self.solver}"

    def prepared(self, _: Runtime) -> Callable[[], int]:
        stored = model_system(self.kind, (self.resolution,) * 3)

        def work() -> int:
            solve(stored.system, stored.rhs, self.solver)
            return 1

        return work


@dataclass(frozen=True)
class Steps:
    """Steps of a simulation."""

    trial: Trial

    def __str__(self) -> str:
        return f"step of {self.trial.title}"

    def prepared(self, threads: Runtime) -> Callable[[], int]:
        trial = self.trial
        config = RunConfig(scene=trial.kind, dim=trial.dim, resolution=trial.resolution)
        simulation = trial.scene(config).simulate(config, threads, StageTimer(threads.device))
        return lambda: simulation.advance(1 / 60).substeps


def beside() -> str:
    """The section `beside`."""
    threads = _started()
    jobs = [
        Solve(name, kind, resolution)
        for resolution, names in SOLVERS.items() for kind in ("dam", "smoke") for name in names
    ]  # fmt: skip
    heading = ["ms (times what a fair share explains)", *(f"beside {count}" for count in COUNTS)]
    lines = [[*heading, "beside its like"]]
    for job in [*jobs, *map(Steps, STEPS)]:
        print(f"{job} beside busy programs", flush=True)
        lines.append([str(job), *_cells(job, threads)])
    note = (
        f"Setup and solve to 1e-6, or one step; medians of {REPEATS}. Beside so many programs that "
        "never rest, each of one thread; beside a second program that does the same over and over, "
        f"with {threads.threads} threads each. Machine: {machine()}."
    )
    return f"{markdown(lines)}\n\n{note}"


def _started() -> Runtime:
    threads = runtime.configure()
    taichi_runtime.start(threads)
    return threads


def _cells(job: Solve | Steps, threads: Runtime) -> list[str]:
    """ms of a piece of work beside each number of busy programs, and beside one like it."""
    work = job.prepared(threads)
    alone = 0.0
    cells = []
    for count in COUNTS:
        with busy_programs(count):
            seconds = _median(work)
        alone = alone or seconds
        beyond = seconds / alone / fair_slowdown(threads.threads, count)
        cells.append(f"{1e3 * seconds:,.0f} ({beyond:.1f})")
    with _its_like(job):
        seconds = _median(work)
    beyond = seconds / alone / fair_slowdown(threads.threads, threads.threads)
    return [*cells, f"{1e3 * seconds:,.0f} ({beyond:.1f})"]


def _median(work: Callable[[], int]) -> float:
    for _ in range(WARM_UP):
        work()
    return statistics.median(_seconds(work) for _ in range(REPEATS))


def _seconds(work: Callable[[], int]) -> float:
    begin = time.perf_counter()
    pieces = work()
    return (time.perf_counter() - begin) / pieces


@contextmanager
def _its_like(job: Solve | Steps) -> Iterator[None]:
    """A second program that does the same over and over; RuntimeError if it ends."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    program = context.Process(target=_over_and_over, args=(job, ready), daemon=True)
    program.start()
    try:
        while not ready.wait(1.0):
            if not program.is_alive():
                raise RuntimeError(f"the second program of {job} has ended")
        yield
    finally:
        program.kill()
        program.join()


def _over_and_over(job: Solve | Steps, ready: Event) -> None:
    work = job.prepared(_started())
    while True:
        work()
        ready.set()
