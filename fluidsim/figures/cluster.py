"""Frames a minute of `fluidsim render`: by workers of one thread, and by one process of all."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from fluidsim.figures.report import machine, markdown, run_fluidsim
from solvers.runtime import available_threads

CASES = (("dam_break", 64), ("smoke_solid", 64))  # scene, cells
FEW, MANY = 4, 28  # frames
SIZE = "1280x720"


def cluster() -> str:
    """The section `cluster`."""
    cores = available_threads()
    ways = {
        f"one process of {cores} threads": ["--threads", str(cores)],
        f"{cores} workers of one thread": ["--cluster", "--workers", str(cores), "--threads", "1"],
    }
    rows = [["frames a minute (s before the first)", *ways]]
    with tempfile.TemporaryDirectory() as place:
        for scene, cells in CASES:
            run = Path(place) / scene
            flags = ["--dim", "3", "--resolution", str(cells), "--frames", str(MANY)]
            run_fluidsim("run", scene, *flags, "--no-render", "--out", str(run))
            rows.append([f"{scene} {cells}^3", *(_cell(run, flags) for flags in ways.values())])
    note = (
        f"Pictures of {SIZE}, from the times that `fluidsim render` takes for the last {FEW} and "
        f"for all {MANY} frames of a run. Machine: {machine()}."
    )
    return f"{markdown(rows)}\n\n{note}"


def _cell(run: Path, flags: list[str]) -> str:
    _seconds(run, 1, flags)  # which may compile kernels
    few, many = (_seconds(run, count, flags) for count in (FEW, MANY))
    each = (many - few) / (MANY - FEW)
    return f"{60 / each:.1f} ({few - FEW * each:.0f})"


def _seconds(run: Path, count: int, flags: list[str]) -> float:
    """Of the pictures of the last `count` frames of a run, with their video."""
    frames = f"{MANY - count + 1}:{MANY}"
    begin = time.perf_counter()
    out = str(run.with_name(f"{run.name}-pictures"))
    run_fluidsim("render", str(run), "--frames", frames, "--size", SIZE, *flags, "--out", out)
    return time.perf_counter() - begin
