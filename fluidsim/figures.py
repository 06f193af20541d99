"""The README's tables of figures, measured and rewritten: `python -m fluidsim.figures README.md`.

Run it on an idle machine. `timings`: each scene without pictures, medians over its frames after the
first ones. `solvers`: each solver on model systems, as `fluidsim bench` measures them. Both unless
one is named after the README.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import solvers
from fluidsim.files import replacing
from fluidsim.record import processor_name, read_run
from solvers import bench as solver_bench
from solvers import runtime
from solvers.direct import Direct, is_installed
from solvers.model_systems import SCENES, model_system
from solvers.runtime import available_threads
from solvers.schur import Schur

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
            "--frames", str(FRAMES), "--no-render",
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
        _fluidsim("run", *case.flags, "--out", str(out))
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
    return _markdown(rows)


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


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{processor_name()}, {available_threads()} threads, {memory:.0f} GiB"


@dataclass(frozen=True)
class Trial:
    """Model systems of a size, and the solvers that are run on them."""

    dim: int
    resolution: int
    solvers: tuple[str, ...]
    kinds: tuple[str, ...] = SCENES


# The slow ones are left out where they would take minutes.
TRIALS = [
    Trial(2, 256, ("multigrid", "amgcl", "amg", "ic", "cg", "schur", "direct")),
    Trial(2, 1024, ("multigrid", "amgcl", "schur")),
    Trial(3, 64, ("multigrid", "amgcl", "amg", "ic", "cg")),
    Trial(3, 128, ("multigrid", "amgcl")),
    Trial(3, 128, ("amg",), ("dam",)),
    Trial(3, 256, ("multigrid",), ("dam", "smoke")),
]


def bench(trial: Trial) -> list[dict[str, Any]]:
    """The rows of `fluidsim bench` on the systems of a trial, in a process of its own."""
    known = [name for name in trial.solvers if name in solvers.available()]
    with tempfile.TemporaryDirectory() as folder:
        size = ["--dim", str(trial.dim), "--resolution", str(trial.resolution)]
        _fluidsim("model-systems", folder, *size, "--kinds", *trial.kinds)
        _fluidsim("bench", folder, "--solvers", *known)
        return json.loads((Path(folder) / "bench" / "results.json").read_text())["results"]


def solver_table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table: a row a system, a column a solver: setup + solve in ms, iterations."""
    names = list(dict.fromkeys(row["solver"] for row in rows))
    lines = [["ms to 1e-6 (iterations)", "unknowns", *names]]
    for system in dict.fromkeys(row["system"] for row in rows):
        mine = {row["solver"]: row for row in rows if row["system"] == system}
        unknowns = next(iter(mine.values()))["unknowns"]
        kind, dim, cells = system.split("-")
        cell = [_cell(mine[name]) if name in mine else "" for name in names]
        lines.append([f"{kind} {cells}^{dim[0]}", f"{unknowns:,}", *cell])
    return _markdown(lines)


def _cell(row: dict[str, Any]) -> str:
    if row["failure"]:
        return row["failure"]
    setup, solve = (1e3 * row[f"{part}_seconds"] for part in ("setup", "solve"))
    return f"{setup:,.1f} + {solve:,.1f} ({row['iterations']})"


def _fluidsim(*arguments: str) -> None:
    command = [sys.executable, "-m", "fluidsim", *arguments]
    print(" ".join(["fluidsim", *arguments]), flush=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _markdown(rows: list[list[str]]) -> str:
    """The first row is the heading; all columns but the first are aligned to the right."""
    rule = ["---", *("---:" for _ in rows[0][1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], rule, *rows[1:]])


def replace_section(text: str, name: str, content: str) -> str:
    """The text with what stands between the marks of a section replaced.

    Raises ValueError with one line when the marks are not there.
    """
    begin, end = f"<!-- {name} begin -->", f"<!-- {name} end -->"
    before, first, rest = text.partition(begin)
    _, last, after = rest.partition(end)
    if not (first and last):
        raise ValueError(f"there is no {begin} ... {end}")
    return f"{before}{begin}\n{content}\n{end}{after}"


def _timings() -> str:
    runs = {case.title: measure(case) for case in CASES}
    solver = next(iter(runs.values()))[0]["solver"]
    note = f"Solver `{solver}`, relative residual 1e-6. Machine: {machine()}."
    return f"{table(runs)}\n\n{note}"


def _solvers() -> str:
    rows = [row for trial in TRIALS for row in bench(trial)]
    note = (
        f"Setup + solve, medians of 5 after one run for warm-up. Machine: {machine()}. "
        f"`direct` is {Direct().chosen_backend}."
    )
    return f"{solver_table(rows)}\n\n{note}"


def _schur() -> str:
    """Direct solvers on boxes: setup + solve, and solve alone, in ms."""
    threads = runtime.configure().threads
    named = {"schur": Schur(), "schur, float32": Schur(precision="float32")}
    named |= {name: Direct(backend=name) for name in ("pardiso",) if is_installed(name)}
    named["superlu"] = Direct(backend="superlu")
    lines = [["ms to 1e-10, setup + solve", *named]]
    for dim, cells, most_for_superlu in DIRECT_TRIALS:
        stored = model_system("box", (cells,) * dim)
        own = {k: v for k, v in named.items() if k != "superlu" or most_for_superlu}
        print(f"direct solvers on a box of {cells}^{dim}", flush=True)
        rows = solver_bench.bench({"box": stored}, own, rtol=1e-10)
        found = {row.solver: _cell(dataclasses.asdict(row)) for row in rows}
        lines.append([f"{cells}^{dim}", *(found.get(name, "") for name in named)])
    note = (
        "Laplacian with p = 0 around a box, right-hand side noise, float64, residual 1e-10 (solves "
        f"with the factor). Medians of 5 after one run for warm-up, which also pays the symbolic "
        f"phase of `schur`, once a shape. Machine: {machine()}, {threads} used."
    )
    return f"{_markdown(lines)}\n\n{note}"


# Dimensions, cells, and whether SuperLU takes less than minutes.
DIRECT_TRIALS = [
    (2, 257, True), (2, 513, True), (2, 1025, True), (3, 32, True), (3, 48, False), (3, 64, False),
]  # fmt: skip
SECTIONS = {"timings": _timings, "solvers": _solvers, "schur": _schur}


def main(readme: Path, names: Sequence[str]) -> None:
    for name in names:
        replace_section(readme.read_text(encoding="utf-8"), name, "")
        content = SECTIONS[name]()
        with replacing(readme) as temporary:
            text = replace_section(readme.read_text(encoding="utf-8"), name, content)
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(SECTIONS):
        raise SystemExit(f"usage: python -m fluidsim.figures README.md [{' | '.join(SECTIONS)}]")
    try:
        main(Path(sys.argv[1]), sys.argv[2:] or list(SECTIONS))
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error
