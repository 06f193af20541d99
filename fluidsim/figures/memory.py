"""The peak memory of runs with each solver, against what they are told to need before they start.

Each run is a process of its own. What grows is counted from after a run of the same kind in a tiny
box, so that libraries and kernels are left out on both sides. Linux only: the peak is that of the
kernel's books.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from dataclasses import dataclass

import solvers
from fluidsim import processes, taichi_runtime
from fluidsim.figures import steps
from fluidsim.figures.report import machine, markdown
from fluidsim.runs.plan import Plan
from fluidsim.runs.preflight import BYTES_OF_KERNELS, Needs
from fluidsim.scene.config import RunConfig
from fluidsim.timing import StageTimer
from solvers import resident, runtime

TINY, PARTS = 16, 4  # cells a side to begin with; parts of a frame that are simulated in two
CHILD = "from fluidsim.figures.memory import child; child()"


@dataclass(frozen=True)
class Trial:
    """A run of a solver in the scene of a trial of steps; kind: "smoke" or "flip"."""

    solver: str
    kind: str
    dim: int
    resolution: int

    @property
    def title(self) -> str:
        return f"{self.kind} {self.resolution}^{self.dim}"

    def plan(self, resolution: int) -> Plan:
        config = RunConfig(
            scene=self.kind,
            dim=self.dim,
            resolution=resolution,
            solver=self.solver,
            threads=1,
            render=False,
        )
        scene = steps.Trial(self.kind, self.dim, resolution).scene(config)
        return Plan.of(scene, config)

    def told(self) -> float:
        """Bytes that the run is told to need, without kernels."""
        return Needs.of(self.plan(self.resolution)).memory - BYTES_OF_KERNELS

    def measured(self) -> float:
        """Bytes by which its memory grows at the peak."""
        words = (self.solver, self.kind, str(self.dim), str(self.resolution))
        done = subprocess.run(
            processes.python(CHILD, *words), capture_output=True, text=True, check=True
        )
        return float(done.stdout.split()[-1])


# Dimension, cells a side, and of solvers whose factors grow faster: all of it takes some minutes.
_SIZES = (2, 256, 256), (2, 512, 512), (3, 48, 32), (3, 64, 48)
_FACTORS = "schur", "direct"
TRIALS = [
    Trial(solver, kind, dim, fewer if solver in _FACTORS else cells)
    for solver in solvers.available()
    for kind in ("smoke", "flip")
    for dim, cells, fewer in _SIZES
]


def child() -> None:
    """Run the trial that the command line names, and print how far its memory grew, bytes."""
    solver, kind, dim, resolution = sys.argv[1:]
    trial = Trial(solver, kind, int(dim), int(resolution))
    threads = runtime.configure(1)
    taichi_runtime.start(threads)
    _simulate(trial, TINY, threads)
    gc.collect()
    before = resident.begin()
    _simulate(trial, trial.resolution, threads)
    print(resident.peak() - before)


def _simulate(trial: Trial, resolution: int, threads: runtime.Runtime) -> None:
    plan = trial.plan(resolution)
    simulation = plan.scene.simulate(plan.config, threads, StageTimer(threads.device))
    for _ in range(2):
        simulation.advance(plan.frame_seconds / PARTS)


def table(measured: dict[Trial, float]) -> str:
    """A Markdown table: a row a solver, a column a scene: MB told, measured."""
    titles = list(dict.fromkeys(trial.title for trial in measured))
    lines = [["MB told / measured", *titles]]
    for solver in dict.fromkeys(trial.solver for trial in measured):
        own = {trial.title: trial for trial in measured if trial.solver == solver}
        lines.append([
            solver,
            *(
                f"{own[title].told() / 1e6:,.0f} / {measured[own[title]] / 1e6:,.0f}"
                if title in own else ""
                for title in titles
            ),
        ])  # fmt: skip
    return markdown(lines)


def memory() -> str:
    """The section `memory`."""
    measured = {}
    for trial in TRIALS:
        print(f"memory of {trial.solver}, {trial.title}", flush=True)
        measured[trial] = trial.measured()
    note = (
        "Told: what a run says before it starts, without the "
        f"{BYTES_OF_KERNELS / 1e6:.0f} MB of libraries and kernels. Measured: growth of the peak "
        f"of resident memory, without pictures. Machine: {machine()}, one thread."
    )
    return f"{table(measured)}\n\n{note}"
