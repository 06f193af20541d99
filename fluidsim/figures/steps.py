"""Seconds a step of fixed scenes, and the memory of their state."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from fluidsim import taichi_runtime
from fluidsim.figures.report import machine, markdown
from fluidsim.flow.simulation import Simulation
from fluidsim.liquid.liquid import Liquid
from fluidsim.scene.config import RunConfig
from fluidsim.scene.scene import LiquidScene, Scene, SmokeScene
from fluidsim.smoke.options import Source
from fluidsim.solid.shapes import Box, Cylinder
from fluidsim.timing import StageTimer
from solvers import runtime

STEPS, WARM_UP = 20, 10  # at least so many
PRESSURE_STAGES = ("pressure_setup", "pressure_solve")


@dataclass(frozen=True)
class Trial:
    """A scene in a cube; reference: s a step of Mantaflow 0.13 on a machine of two cores."""

    kind: str
    dim: int
    resolution: int
    reference: str = ""

    @property
    def title(self) -> str:
        return f"{self.kind} {self.resolution}^{self.dim}"

    def scene(self, config: RunConfig) -> Scene:
        """A plume in an open cube, or a column of water that falls in a closed one."""
        at = config.point
        if self.kind == "smoke":
            source = Source(Cylinder(at(0.5, 0.5, 0.02), radius=0.1, height=0.06))
            return SmokeScene(size=at(1, 1, 1), sources=[source], open_sides=["z+"])
        column = Box(at(0, 0, 0), at(0.5, 1, 0.54))
        return LiquidScene(size=at(1, 1, 1), liquid=column, transfer=self.kind)


TRIALS = [
    Trial("smoke", 2, 256, "0.040"),
    Trial("smoke", 3, 64, "0.16"),
    Trial("smoke", 3, 128, "1.51"),
    Trial("flip", 2, 256, "0.46 (one thread)"),
    Trial("flip", 3, 64, "0.20"),
    Trial("flip", 3, 128, "1.79"),
    Trial("apic", 3, 64),
]


@dataclass(frozen=True)
class Measured:
    """Medians over frames: seconds a step, share of the pressure; and the state's bytes."""

    seconds: float
    pressure: float
    particles: int
    bytes_a_cell: float
    bytes_a_particle: float


def measure(trial: Trial, threads: runtime.Runtime) -> Measured:
    """Run the scene for WARM_UP and then STEPS steps at a relative residual of 1e-6."""
    config = RunConfig(scene=trial.kind, dim=trial.dim, resolution=trial.resolution)
    scene = trial.scene(config)
    timer = StageTimer(threads.device)
    simulation = scene.simulate(config, threads, timer)
    taken, seconds, shares = 0, [], []
    while taken < WARM_UP + STEPS:
        timer.take()
        begin = time.perf_counter()
        steps = simulation.advance(scene.frame_seconds).substeps
        whole = time.perf_counter() - begin
        if taken >= WARM_UP:
            stages = timer.take()
            seconds.append(whole / steps)
            shares.append(sum(stages[name] for name in PRESSURE_STAGES) / whole)
        taken += steps
    cells, particles = state_bytes(simulation)
    count = simulation.particle_count
    return Measured(
        statistics.median(seconds), statistics.median(shares), count,
        cells / simulation.grid.cell_count, particles / count if count else 0.0,
    )  # fmt: skip


def state_bytes(simulation: Simulation) -> tuple[int, int]:
    """Bytes of what a simulation keeps between steps, on the grid and with the particles."""
    stored: dict[int, int] = {}
    _collect(simulation, stored, set())
    moving = 0
    if isinstance(simulation, Liquid):
        own = {tensor.untyped_storage().data_ptr() for tensor in simulation.particles.buffers}
        moving = sum(stored[pointer] for pointer in own)
    return sum(stored.values()) - moving, moving


def _collect(value: Any, stored: dict[int, int], seen: set[int]) -> None:
    """Sizes of the storages of all tensors and arrays that a value holds, by their address."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Tensor):
        storage = value.untyped_storage()
        stored[storage.data_ptr()] = storage.nbytes()
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, stored, seen)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _collect(item, stored, seen)
    elif isinstance(value, np.ndarray):
        stored[value.__array_interface__["data"][0]] = value.nbytes
    elif type(value).__module__.startswith(("fluidsim.", "solvers.")):
        _collect(getattr(value, "__dict__", None), stored, seen)


def steps_table(measured: dict[Trial, Measured]) -> str:
    """A Markdown table: a row a trial."""
    lines = [
        ["s a step", "seconds", "Mantaflow", "pressure", "particles", "us a particle",
         "bytes a cell", "bytes a particle"]
    ]  # fmt: skip
    for trial, row in measured.items():
        some = row.particles > 0
        lines.append([
            trial.title, f"{row.seconds:.3f}", trial.reference, f"{row.pressure:.0%}",
            f"{row.particles:,}" if some else "",
            f"{1e6 * row.seconds / row.particles:.2f}" if some else "",
            f"{row.bytes_a_cell:,.0f}", f"{row.bytes_a_particle:,.0f}" if some else "",
        ])  # fmt: skip
    return markdown(lines)


def steps() -> str:
    """The section `steps`."""
    threads = runtime.configure()
    taichi_runtime.start(threads)
    measured = {}
    for trial in TRIALS:
        print(f"steps of {trial.title}", flush=True)
        measured[trial] = measure(trial, threads)
    note = (
        f"Medians of {STEPS} or more steps after {WARM_UP} for warm-up, `multigrid`, relative "
        f"residual 1e-6, no files. Bytes: what is kept between steps, work arrays and solver "
        f"included. Machine: {machine()}. Mantaflow 0.13 on another machine of 2 cores, its own "
        f"tolerance."
    )
    return f"{steps_table(measured)}\n\n{note}"
