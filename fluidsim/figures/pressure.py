"""Solvers on model systems, as `fluidsim bench` measures them."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import solvers
from fluidsim.figures.report import bench_cell, machine, markdown, run_fluidsim
from solvers.direct import Direct
from solvers.model_systems import SCENES


@dataclass(frozen=True)
class Trial:
    """Model systems of a size, and the solvers that are run on them."""

    dim: int
    resolution: int
    solvers: tuple[str, ...]
    kinds: tuple[str, ...] = SCENES


# The slow ones are left out where they would take minutes.
TRIALS = [
    Trial(
        2, 256, ("multigrid", "npsdo", "npsdo-paper", "amgcl", "amg", "ic", "cg", "schur", "direct")
    ),
    Trial(2, 1024, ("multigrid", "npsdo", "amgcl", "schur")),
    Trial(3, 64, ("multigrid", "npsdo", "npsdo-paper", "amgcl", "amg", "ic", "cg")),
    Trial(3, 128, ("multigrid", "npsdo", "amgcl")),
    Trial(3, 128, ("cg",), ("dam", "smoke")),
    Trial(3, 128, ("amg",), ("dam",)),
    Trial(3, 256, ("multigrid",), ("dam", "smoke")),
]


def bench(trial: Trial) -> list[dict[str, Any]]:
    """The rows of `fluidsim bench` on the systems of a trial, in a process of its own."""
    known = [name for name in trial.solvers if name in solvers.available()]
    with tempfile.TemporaryDirectory() as folder:
        size = ["--dim", str(trial.dim), "--resolution", str(trial.resolution)]
        run_fluidsim("model-systems", folder, *size, "--kinds", *trial.kinds)
        run_fluidsim("bench", folder, "--solvers", *known)
        return json.loads((Path(folder) / "bench" / "results.json").read_text())["results"]


def solver_table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table: a row a system, a column a solver: setup + solve in ms, iterations."""
    names = list(dict.fromkeys(row["solver"] for row in rows))
    lines = [["ms to 1e-6 (iterations)", "unknowns", *names]]
    for system in dict.fromkeys(row["system"] for row in rows):
        mine = {row["solver"]: row for row in rows if row["system"] == system}
        unknowns = next(iter(mine.values()))["unknowns"]
        kind, dim, cells = system.split("-")
        cell = [bench_cell(mine[name]) if name in mine else "" for name in names]
        lines.append([f"{kind} {cells}^{dim[0]}", f"{unknowns:,}", *cell])
    return markdown(lines)


def pressure() -> str:
    """The section `solvers`."""
    rows = [row for trial in TRIALS for row in bench(trial)]
    note = (
        f"Setup + solve, medians of 5 after one run for warm-up. Machine: {machine()}. "
        f"`direct` is {Direct().chosen_backend}."
    )
    return f"{solver_table(rows)}\n\n{note}"
