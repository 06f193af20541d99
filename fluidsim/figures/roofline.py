"""How near the stages of a step, and multigrid, come to the bandwidth of the memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
import torch
from torch import Tensor

import solvers
from fluidsim import taichi_runtime
from fluidsim.figures.report import machine, markdown
from fluidsim.figures.steps import Trial
from fluidsim.figures.traffic import STAGES, stage_bytes
from fluidsim.flow.simulation import Simulation
from fluidsim.scene.config import RunConfig
from fluidsim.timing import StageTimer
from solvers import kernel_cache, runtime  # noqa: F401
from solvers.multigrid.packed_space import COARSEST_SWEEPS, PackedSpace
from solvers.multigrid.solver import Multigrid, relaxation
from solvers.multigrid.traffic import cycle_bytes, iteration_bytes, setup_bytes

STEPS, WARM_UP = 10, 5  # at least so many
REPEATS = 7
COPIED = 2**26  # numbers, in float64
TRIALS = [Trial(kind, 3, resolution) for kind in ("smoke", "flip") for resolution in (64, 128)]
SOLVER = Multigrid(engine="numba")


@dataclass(frozen=True)
class Row:
    """Something timed: seconds (median), and the bytes that it has to move."""

    title: str
    stage: str
    seconds: float
    bytes: float

    def cells(self, bandwidth: float) -> list[str]:
        """Of a table. bandwidth: bytes a second."""
        share = self.bytes / self.seconds / bandwidth
        return [
            self.title, self.stage, f"{1e3 * self.seconds:,.1f}", f"{self.bytes / 1e6:,.0f}",
            f"{share:.0%}",
        ]  # fmt: skip


class Shown:
    """The last system that a simulation solved, with its right-hand side, and how many it did."""

    def __init__(self, simulation: Simulation) -> None:
        simulation.observer, self.count = self, 0

    def __call__(self, system: solvers.PoissonSystem, rhs: Tensor, guess: Tensor | None) -> None:
        self.system, self.rhs, self.count = system, rhs.clone(), self.count + 1


def rows_of(trial: Trial, threads: runtime.Runtime) -> list[Row]:
    """The stages of a step, and multigrid on the system of its last one."""
    config = RunConfig(scene=trial.kind, dim=trial.dim, resolution=trial.resolution)
    scene, timer = trial.scene(config), StageTimer(threads.device)
    simulation = scene.simulate(config, threads, timer)
    shown, taken = Shown(simulation), 0
    frames: list[dict[str, float]] = []
    while taken < WARM_UP + STEPS:
        timer.take()
        begin = time.perf_counter()
        steps = simulation.advance(scene.frame_seconds).substeps
        whole = time.perf_counter() - begin
        stages = timer.take()
        stages["rest"] = whole - sum(stages.values())
        if taken >= WARM_UP:
            frames.append({name: seconds / steps for name, seconds in stages.items()})
        taken += steps
    cells, particles = simulation.grid.cell_count, simulation.particle_count
    projections = shown.count / taken
    rows = [
        Row(
            trial.title, stage, statistics.median(frame[stage] for frame in frames),
            stage_bytes(trial.kind, stage, cells, particles, projections),
        )
        for stage in STAGES[trial.kind]
    ]  # fmt: skip
    return rows + solver_rows(trial.title, shown.system, shown.rhs)


def solver_rows(title: str, system: solvers.PoissonSystem, rhs: Tensor) -> list[Row]:
    """Setup, V-cycle and iteration of multigrid for a system."""
    itemsize = system.face_weights[0].element_size()

    def setup() -> None:
        SOLVER.setup(system)

    seconds = _seconds(setup)
    layout, hierarchy = SOLVER.setup(system).levels
    factors = relaxation(SOLVER.sweeps)
    scale = 1.0 / float(torch.linalg.vector_norm(rhs))
    space = PackedSpace(layout, hierarchy, system.floating, rhs, None, factors, scale, 0.0)
    space.start()

    def iterate() -> None:  # one that goes nowhere, so that it can be repeated
        space.product()
        space.advance(0.0)
        space.turn(0.0)

    cycle = _seconds(lambda: hierarchy.cycle(factors, COARSEST_SWEEPS))
    return [
        Row(title, "multigrid: setup", seconds, setup_bytes(hierarchy, itemsize)),
        Row(title, "multigrid: V-cycle", cycle, cycle_bytes(hierarchy, SOLVER.sweeps)),
        Row(
            title, "multigrid: iteration", _seconds(iterate),
            iteration_bytes(hierarchy, SOLVER.sweeps),
        ),
    ]  # fmt: skip


def _seconds(work: Callable[[], None]) -> float:
    """Median wall time of some repeats after one for warm-up."""
    seconds = []
    for _ in range(REPEATS + 1):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds[1:])


def copy_bandwidth() -> float:
    """Bytes read and written a second by a copy between large arrays, by all threads of numba."""
    source, target = np.ones(COPIED), np.zeros(COPIED)
    return 2 * source.nbytes / _seconds(lambda: _copy(source, target))


@numba.njit(cache=True, parallel=True)
def _copy(source, target):
    for k in numba.prange(len(source)):
        target[k] = source[k]


def roofline() -> str:
    """The section `roofline`."""
    threads = runtime.configure()
    taichi_runtime.start(threads)
    bandwidth = copy_bandwidth()
    lines = [["step", "stage", "ms", "MB", "of the copy"]]
    for trial in TRIALS:
        print(f"roofline of {trial.title}", flush=True)
        lines += [row.cells(bandwidth) for row in rows_of(trial, threads)]
    speed, size = bandwidth / 1e9, 8 * COPIED / 2**30
    note = (
        f"Medians of {STEPS} or more steps after {WARM_UP} for warm-up, and of {REPEATS} runs of "
        f"the parts of the solver on the system of the last step. MB: what a stage has to move, "
        f"each array that it reads or writes counted once (`fluidsim/figures/traffic.py`), each "
        f"pass of multigrid by itself (`solvers/multigrid/traffic.py`). Of the copy: against a "
        f"copy of {size:.1f} GiB by the same threads, {speed:.1f} GB/s read and written; more than "
        f"100% where caches hold the arrays. Machine: {machine()}, {threads.threads} used."
    )
    return f"{markdown(lines)}\n\n{note}"
