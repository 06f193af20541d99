"""Scenes without pictures, medians over their frames after the first ones."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluidsim.figures.report import machine, markdown, run_fluidsim
from fluidsim.store.run_folder import read_run

FRAMES, DROPPED = 40, 10
PARTICLE_STAGES = ("solids", "transfer", "forces", "extrapolate", "move", "sort")


@dataclass(frozen=True)
class Case:
    scene: str
    dim: int
    resolution: int

    @property
    def flags(self) -> list[str]:
        return [
            self.scene, "--dim", str(self.dim), "--resolution", str(self.resolution),
            "--frames", str(FRAMES), "--no-render", "--checkpoint", "0",
        ]  # fmt: skip

    @property
    def title(self) -> str:
        return f"{self.scene} {self.resolution}^{self.dim}"


CASES = [
    Case("dam_break", 3, 64),
    Case("smoke_solid", 3, 64),
    Case("dam_break", 2, 256),
    Case("smoke_solid", 2, 256),
]


def measure(case: Case) -> list[dict[str, Any]]:
    """The log lines of a run of the case in a process of its own, the first frames dropped."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        run_fluidsim("run", *case.flags, "--out", str(out))
        return read_run(out)[1][DROPPED:]


def table(runs: dict[str, list[dict[str, Any]]]) -> str:
    """A Markdown table: a column a case, a row a stage, medians a frame."""
    stages = dict.fromkeys(stage for lines in runs.values() for stage in lines[0]["seconds"])
    stages.pop("output")

    def median(lines: list[dict[str, Any]], pick: Any) -> float:
        return statistics.median(pick(line) for line in lines)

    rows = [["ms a frame", *runs]]
    for stage in stages:
        cells = []
        for lines in runs.values():
            known = stage in lines[0]["seconds"]
            value = median(lines, lambda line: line["seconds"][stage]) if known else 0.0  # noqa: B023
            cells.append(f"{value * 1e3:.1f}" if known else "")
        rows.append([stage, *cells])
    totals = [
        median(lines, lambda line: sum(line["seconds"].values()) - line["seconds"]["output"])
        for lines in runs.values()
    ]
    rows.append(["**seconds a frame**", *(f"**{total:.3f}**" for total in totals)])
    for name, key in (("substeps a frame", "substeps"), ("unknowns", "unknowns")):
        rows.append([name, *(f"{median(v, lambda x: x[key]):,.0f}" for v in runs.values())])  # noqa: B023
    each = [median(v, lambda line: line["iterations"] / line["substeps"]) for v in runs.values()]
    rows.append(["iterations a solve", *(f"{value:.0f}" for value in each)])
    rows.append(
        ["particles", *(f"{median(v, lambda x: x['particles']):,.0f}" for v in runs.values())]
    )
    rows.append(["particle work, ns a particle and substep", *map(_particle_work, runs.values())])
    return markdown(rows)


def _particle_work(lines: list[dict[str, Any]]) -> str:
    """All but the pressure, over particles and substeps; empty for smoke."""
    if not lines[0]["particles"]:
        return ""
    each = statistics.median(
        sum(line["seconds"][stage] for stage in PARTICLE_STAGES)
        / (line["particles"] * line["substeps"])
        for line in lines
    )
    return f"{each * 1e9:.0f}"


def scenes() -> str:
    """The section `timings`."""
    runs = {case.title: measure(case) for case in CASES}
    solver = next(iter(runs.values()))[0]["solver"]
    note = f"Solver `{solver}`, relative residual 1e-6. Machine: {machine()}."
    return f"{table(runs)}\n\n{note}"
