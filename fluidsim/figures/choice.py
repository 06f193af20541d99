"""The work and time of `auto` in the course of runs, beside those of each of its solvers alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from fluidsim.figures.report import markdown
from fluidsim.figures.sequences import Run, follow
from solvers.auto.arms import ARMS
from solvers.auto.sequence import LearnedChoice
from solvers.storage import StoredSystem

RUNS = (
    Run("dam_break", 2, 96),
    Run("water_drop", 2, 96),
    Run("smoke_solid", 2, 96),
    Run("karman_street", 2, 96),
    Run("dam_break", 3, 32),
    Run("smoke_solid", 3, 32),
)
FRAMES, PASSES = 120, 3


@dataclass
class Totals:
    """Over the systems of a run: their number; work and CPU time, s, by solver."""

    systems: int
    work: dict[str, float]
    seconds: dict[str, float]


def totals(systems: Iterable[StoredSystem]) -> Totals:
    """What `auto` and each of its solvers take for all systems."""
    learner = LearnedChoice(seed=0)
    named: dict[str, Any] = {"auto": learner, **{arm.text: arm.solver for arm in ARMS}}
    systems = iter(systems)
    first = next(systems)
    for _ in follow([first], {arm.text: arm.solver for arm in ARMS}):
        pass  # kernels are loaded before the time is taken
    found = Totals(0, dict.fromkeys(named, 0.0), dict.fromkeys(named, 0.0))
    for step in follow(chain([first], systems), named):
        found.systems += 1
        for arm in ARMS:
            setup = arm.setup.of(step.unknowns) if step.is_new else 0.0
            iterations = step.iterations[arm.text] * arm.iteration.of(step.unknowns)
            found.work[arm.text] += setup + iterations
        for label in named:
            found.seconds[label] += step.seconds[label]
    found.work["auto"] = learner.spent
    return found


def auto() -> str:
    """The section `auto`."""
    texts = [arm.text for arm in ARMS]
    lines = [["over that of the best: work (time)", "systems", "auto", *texts]]
    for run in RUNS:
        print(f"auto on {run.title}", flush=True)
        systems = list(run.systems(FRAMES))
        passes = [totals(systems) for _ in range(PASSES)]
        found = passes[0]
        for label in found.seconds:
            found.seconds[label] = min(each.seconds[label] for each in passes)
        least, soonest = (min(each[text] for text in texts) for each in (found.work, found.seconds))
        cells = (
            f"{found.work[label] / least:.3f} ({found.seconds[label] / soonest:.3f})"
            for label in ("auto", *texts)
        )
        lines.append([run.title, str(found.systems), *cells])
    note = (
        f"Each step of {FRAMES} frames, to 1e-6 from the guess of the run, setups included where "
        "the system is another than in the step before. Work is counted in products with the "
        "matrix (`solvers/auto/arms.py`), time is that of all threads, the least of "
        f"{PASSES} passes. The best one is known afterwards only."
    )
    return f"{markdown(lines)}\n\n{note}"
