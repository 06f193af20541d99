"""The work of `auto` in the course of runs, beside that of each of its solvers alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fluidsim.figures.report import markdown
from fluidsim.figures.sequences import Run, follow
from solvers.auto.arms import ARMS
from solvers.auto.sequence import LearnedChoice
from solvers.storage import StoredSystem

RUNS = (Run("dam_break", 2, 96), Run("water_drop", 2, 96), Run("smoke_solid", 2, 96))
FRAMES = 120


def works(systems: Iterable[StoredSystem]) -> tuple[int, dict[str, float]]:
    """The number of systems, and the work of `auto` and of each of its solvers over all of them."""
    learner = LearnedChoice(seed=0)
    named: dict[str, Any] = {"auto": learner, **{arm.text: arm.solver for arm in ARMS}}
    found = dict.fromkeys((arm.text for arm in ARMS), 0.0)
    count = 0
    for step in follow(systems, named):
        count += 1
        for arm in ARMS:
            setup = arm.setup.of(step.unknowns) if step.is_new else 0.0
            found[arm.text] += setup + step.iterations[arm.text] * arm.iteration.of(step.unknowns)
    return count, {"auto": learner.spent, **found}


def auto() -> str:
    """The section `auto`."""
    texts = [arm.text for arm in ARMS]
    lines = [["work over that of the best", "systems", "auto", *texts]]
    for run in RUNS:
        print(f"auto on {run.title}", flush=True)
        count, found = works(run.systems(FRAMES))
        best = min(found[text] for text in texts)
        ratios = (f"{found[label] / best:.3f}" for label in ("auto", *texts))
        lines.append([run.title, str(count), *ratios])
    note = (
        f"Each step of {FRAMES} frames, to 1e-6 from the guess of the run, setups included where "
        "the system is another than in the step before. Work is counted in products with the "
        "matrix (`solvers/auto/arms.py`). The best one is known afterwards only."
    )
    return f"{markdown(lines)}\n\n{note}"
