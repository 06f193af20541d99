"""What a GPU does: `python -m fluidsim.figures.gpu FILE.json` (`make gpu-check` runs it).

Solvers on model systems and steps of the simulator, largest last. The file holds what has been
measured so far, so that a run that is cut short is not lost; Markdown tables end the output.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

import solvers
from fluidsim import taichi_runtime
from fluidsim.figures.report import machine, markdown
from fluidsim.figures.steps import Trial
from fluidsim.files import replacing
from fluidsim.scene.config import RunConfig
from fluidsim.timing import StageTimer
from solvers import runtime
from solvers.model_systems import SCENES, model_system
from solvers.runtime import Runtime, synchronize

REPEATS, WARM_UP, STEPS = 5, 2, 5
RTOL = 1e-6
Row = dict[str, Any]
# Solver, options, grids.
SOLVES: list[tuple[str, dict[str, Any], list[tuple[int, ...]]]] = [
    ("multigrid", {}, [(64,) * 3, (128,) * 3, (256,) * 3, (1024,) * 2]),
    ("multigrid", {"engine": "torch"}, [(64,) * 3, (128,) * 3]),
    ("npsdo", {}, [(64,) * 3, (512,) * 2]),
    ("cg", {}, [(64,) * 3, (128,) * 3]),
    ("schur", {}, [(513,) * 2, (1025,) * 2]),
]
TRIALS = [Trial(kind, 3, resolution) for resolution in (64, 128, 256) for kind in ("smoke", "flip")]


def copy_bandwidth(device: torch.device) -> float:
    """Bytes read and written a second by a copy of 2 GiB."""
    source = torch.empty(2**28, dtype=torch.float64, device=device)
    target = torch.empty_like(source)
    seconds = []
    for _ in range(REPEATS + 1):
        synchronize(device)
        begin = time.perf_counter()
        target.copy_(source)
        synchronize(device)
        seconds.append(time.perf_counter() - begin)
    return 2 * source.nbytes / statistics.median(seconds[1:])


def solve_rows(device: torch.device) -> Iterator[Row]:
    """Medians of setup and solve on each model system, ms."""
    for solver, options, shapes in SOLVES:
        for shape in shapes:
            for kind in SCENES:
                yield {
                    "solver": solver, **options, "system": kind, "shape": shape,
                    **_solved(solver, options, kind, shape, device),
                }  # fmt: skip


def _solved(
    solver: str, options: dict[str, Any], kind: str, shape: tuple[int, ...], device: torch.device
) -> Row:
    stored = model_system(kind, shape, seed=1)
    weights = tuple(w.to(device) for w in stored.system.face_weights)
    active, rhs = stored.system.active.to(device), stored.rhs.to(device)
    found = []
    try:
        for _ in range(REPEATS + 1):
            system = solvers.PoissonSystem(weights, active)
            synchronize(device)
            begin = time.perf_counter()
            solution = solvers.solve(system, rhs, solver, rtol=RTOL, **options)
            synchronize(device)
            found.append((solution, time.perf_counter() - begin))
    except (RuntimeError, ValueError, MemoryError) as error:
        return {"failure": str(error).splitlines()[0][:200]}
    last, found = found[-1][0], found[1:]
    setup, solve, whole = (
        1e3 * statistics.median(values)
        for values in (
            [s.setup_seconds for s, _ in found], [s.solve_seconds for s, _ in found],
            [seconds for _, seconds in found],
        )
    )  # fmt: skip
    unknowns = int(active.sum())
    return {
        "unknowns": unknowns, "iterations": last.iterations, "setup_ms": setup, "solve_ms": solve,
        "whole_ms": whole, "residual": last.relative_residual,
        "unknowns_a_second": unknowns / solve * 1e3,
    }  # fmt: skip


def step_rows(threads: Runtime) -> Iterator[Row]:
    """Medians of a step's seconds, and of its dearest stages."""
    for trial in TRIALS:
        yield {"steps": trial.title, **_stepped(trial, threads)}


def _stepped(trial: Trial, threads: Runtime) -> Row:
    config = RunConfig(
        scene=trial.kind, dim=trial.dim, resolution=trial.resolution, device=threads.device.type
    )
    timer = StageTimer(threads.device)
    scene = trial.scene(config)
    simulation = scene.simulate(config, threads, timer)
    rows, taken = [], 0
    while taken < WARM_UP + STEPS:
        timer.take()
        begin = time.perf_counter()
        steps = simulation.advance(scene.frame_seconds).substeps
        whole = time.perf_counter() - begin
        if taken >= WARM_UP:
            stages = {name: 1e3 * seconds / steps for name, seconds in timer.take().items()}
            rows.append({"whole": 1e3 * whole / steps, **stages})
        taken += steps
    medians = {name: statistics.median(row.get(name, 0.0) for row in rows) for name in rows[0]}
    dearest = sorted(medians.items(), key=lambda item: -item[1])[1:7]
    return {
        "step_ms": medians["whole"], "particles": simulation.particle_count,
        "stages_ms": dict(dearest),
    }  # fmt: skip


def table(rows: list[Row]) -> str:
    """Markdown: the solves, and the steps."""
    solves = [["solver", "system", "grid", "unknowns", "iterations", "setup ms", "solve ms",
               "all ms", "million unknowns a second"]]  # fmt: skip
    steps = [["steps", "ms a step", "particles", "dearest stages, ms"]]
    for row in rows:
        if "steps" in row:
            stages = ", ".join(f"{name} {ms:.1f}" for name, ms in row["stages_ms"].items())
            steps.append([row["steps"], f"{row['step_ms']:.1f}", f"{row['particles']:,}", stages])
            continue
        name = " ".join([row["solver"], *([row["engine"]] if "engine" in row else [])])
        grid = "x".join(map(str, row["shape"]))
        if "failure" in row:
            solves.append([name, row["system"], grid, row["failure"], *[""] * 5])
            continue
        solves.append([
            name, row["system"], grid, f"{row['unknowns']:,}", str(row["iterations"]),
            f"{row['setup_ms']:.2f}", f"{row['solve_ms']:.2f}", f"{row['whole_ms']:.2f}",
            f"{row['unknowns_a_second'] / 1e6:.0f}",
        ])  # fmt: skip
    return f"{markdown(solves)}\n\n{markdown(steps)}"


def measure(path: Path) -> Row:
    """All of it, written to a JSON file on the way."""
    threads = runtime.configure(device="cuda")
    taichi_runtime.start(threads)
    found: Row = {
        "device": torch.cuda.get_device_name(), "torch": torch.__version__, "machine": machine(),
        "copy_bytes_a_second": copy_bandwidth(threads.device), "rows": [],
    }  # fmt: skip
    for measured in (solve_rows(threads.device), step_rows(threads)):
        for row in measured:
            found["rows"].append(row)
            print(json.dumps(row), flush=True)
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(found, indent=1))
    return found


def section(found: Row) -> str:
    """The tables with what they were measured on."""
    copied = found["copy_bytes_a_second"] / 1e12
    note = (
        f"Medians of {REPEATS} solves to {RTOL:g} and of {STEPS} steps after {WARM_UP} for "
        f"warm-up. All: setup, solve, the search for floating components and the check of the "
        f"residual. {found['device']} (a copy moves {copied:.2f} TB/s, read and written), torch "
        f"{found['torch']}; {found['machine']}."
    )
    return f"{table(found['rows'])}\n\n{note}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m fluidsim.figures.gpu FILE.json")
    try:
        print(f"\n{section(measure(Path(sys.argv[1])))}")
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error
