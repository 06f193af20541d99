"""What `recycling` makes of systems that come in no order, and of sorting them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import solvers
from fluidsim.figures.report import markdown
from fluidsim.figures.sequences import RTOL, Run
from solvers.recycling import Recycling
from solvers.sorting import alike_in_turn
from solvers.storage import StoredSystem

# Two runs each, whose systems are shuffled into each other; of every run each STRIDE-th.
PAIRS = (
    (Run("dam_break", 2, 96), Run("water_drop", 2, 96)),
    (Run("dam_break", 2, 96), Run("smoke_solid", 2, 96)),
    (Run("dam_break", 3, 32), Run("smoke_solid", 3, 32)),
)
FRAMES, STRIDE = 60, 6
INNER = ("ic", "cg", "amg")


def iterations(systems: Sequence[StoredSystem], solver: Any) -> int:
    """Of all systems, one after the other, from zero."""
    return sum(
        solvers.solve(stored.system, stored.rhs, solver, rtol=RTOL).iterations for stored in systems
    )


def order() -> str:
    """The section `order`."""
    lines = [["runs, systems", "inner", "without recycling", "as recorded", "shuffled", "sorted"]]
    for pair in PAIRS:
        title = " and ".join(run.title for run in pair)
        print(f"order of {title}", flush=True)
        recorded = [each for run in pair for each in list(run.systems(FRAMES))[::STRIDE]]
        shuffled = random.Random(0).sample(recorded, len(recorded))
        ordered = alike_in_turn({str(k): each for k, each in enumerate(shuffled)})
        orders = recorded, shuffled, list(ordered.values())
        for inner in INNER:
            recycling = Recycling(inner=inner)
            alone = iterations(recorded, solvers.registry.create(inner, {}))
            counts = (iterations(each, recycling.sequence()) for each in orders)
            lines.append([f"{title}, {len(recorded)}", inner, str(alone), *map(str, counts)])
    note = (
        f"Iterations to {RTOL:.0e} in all, from zero, of every {STRIDE}th system of {FRAMES} "
        "frames of each run."
    )
    return f"{markdown(lines)}\n\n{note}"
