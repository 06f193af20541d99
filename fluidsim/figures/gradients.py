"""What gradients through runs cost: processor time, against a run by itself, and memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.differentiable import rollout
from fluidsim.figures.report import machine, markdown
from fluidsim.flow.simulation import Simulation
from fluidsim.scene.scene import LiquidScene, Scene, SmokeScene
from fluidsim.smoke.options import Source
from fluidsim.solid.shapes import Box, Sphere

FRAMES, SEGMENT, WARM_UP = 9, 3, 2
FRAME = 0.02  # s: about one step
SIDE = 1.0  # m, of the longest
REPEATS = 2


@dataclass(frozen=True)
class Trial:
    """A scene on so many cells; kind: "smoke" or "liquid"."""

    kind: str
    shape: tuple[int, ...]

    @property
    def title(self) -> str:
        return f"{self.kind} {' x '.join(map(str, self.shape))}"

    def scene(self) -> Scene:
        """Smoke that rises in a room open above, or a column of liquid that falls."""
        size = tuple(SIDE * cells / max(self.shape) for cells in self.shape)
        if self.kind == "smoke":
            source = Source(Sphere((*(side / 2 for side in size[:-1]), 0.15), 0.1))
            return SmokeScene(size=size, sources=[source], open_sides=["z+"])
        column = Box((0.0,) * len(size), (0.5 * size[0], *size[1:-1], 0.6 * size[-1]))
        return LiquidScene(size=size, liquid=column)


TRIALS = (
    Trial("smoke", (32, 40)),
    Trial("smoke", (128, 128)),
    Trial("smoke", (32, 32, 32)),
    Trial("liquid", (64, 48)),
    Trial("liquid", (24, 24, 24)),
)


@dataclass(frozen=True)
class Cost:
    """Of a run. alone, whole, segments: processor time of the run, with its gradient, and with that
    in segments, s. records, state: bytes that a step keeps, and those of a state."""

    steps: int
    alone: float
    whole: float
    segments: float
    records: float
    state: float

    def cells(self) -> list[str]:
        """Of a table."""
        parts = FRAMES / SEGMENT
        longest = self.records * self.steps / parts + parts * self.state
        return [
            f"{1e3 * self.alone / self.steps:,.1f}",
            f"{self.whole / self.alone:.1f}", f"{self.segments / self.alone:.1f}",
            f"{self.records / 1e6:,.2f}", f"{self.state / 1e6:,.2f}",
            f"{self.records * self.steps / 1e6:,.0f}", f"{longest / 1e6:,.0f}",
        ]  # fmt: skip


class _Run:
    """A run of FRAMES frames from one state, over and over."""

    def __init__(self, trial: Trial) -> None:
        self.simulation: Simulation = trial.scene().start(
            resolution=max(trial.shape), solver="multigrid", threads=1
        )
        self.unknown = "velocities" if trial.kind == "liquid" else "velocity"
        for _ in range(WARM_UP):
            self.simulation.advance(FRAME)
        self.start = {name: each.clone() for name, each in self.simulation.state().items()}

    def alone(self) -> int:
        """How many steps it takes."""
        self.simulation.restore({name: each.clone() for name, each in self.start.items()})
        return sum(self.simulation.advance(FRAME).substeps for _ in range(FRAMES))

    def end(self, segment: int) -> Tensor:
        """A number of its end that depends on the velocities at the start."""
        start = {name: each.clone() for name, each in self.start.items()}
        start[self.unknown].requires_grad_()
        state = rollout(self.simulation, FRAMES, FRAME, start, segment=segment).state
        return state[self.unknown].square().mean()

    def with_gradient(self, segment: int) -> None:
        self.end(segment).backward()

    def records(self) -> int:
        """Bytes of tensors that torch keeps for the way back if it keeps all."""
        held: dict[int, int] = {}  # by their address

        def remember(each: Tensor) -> Tensor:
            held[each.untyped_storage().data_ptr()] = each.untyped_storage().nbytes()
            return each

        with torch.autograd.graph.saved_tensors_hooks(remember, lambda each: each):
            end = self.end(FRAMES)
        assert end.requires_grad  # what is held lives as long as this
        return sum(held.values())


def measure(trial: Trial) -> Cost:
    run = _Run(trial)
    steps = run.alone()
    return Cost(
        steps,
        _seconds(run.alone),
        _seconds(lambda: run.with_gradient(FRAMES)),
        _seconds(lambda: run.with_gradient(SEGMENT)),
        run.records() / steps,
        sum(each.nbytes for each in run.start.values()),
    )


def _seconds(work: Callable[[], object]) -> float:
    """The least processor time of the repeats."""
    found = []
    for _ in range(REPEATS):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return min(found)


def gradients() -> str:
    """The section `gradients`."""
    lines = [["run", "ms a step", "with gradient", "in segments", "MB a step", "MB a state",
              "MB, all kept", "MB, in segments"]]  # fmt: skip
    for trial in TRIALS:
        print(f"gradients through {trial.title}", flush=True)
        lines.append([trial.title, *measure(trial).cells()])
    note = (
        f"{FRAMES} frames of {FRAME:g} s after {WARM_UP} to begin with, `multigrid`, the gradient "
        f"to the velocities at the start. With gradient, in segments of {SEGMENT} frames: "
        f"processor time of run and way back, over that of the run alone; least of {REPEATS}. MB a "
        f"step: tensors that torch keeps for the way back. Machine: {machine()}, one used."
    )
    return f"{markdown(lines)}\n\n{note}"
