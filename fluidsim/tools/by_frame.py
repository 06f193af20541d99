"""Independent runs frame by frame: a table and plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fluidsim.store.run_folder import read_run
from fluidsim.tools.side_by_side import RunOf, pressure_seconds
from fluidsim.tools.tables import Table, three
from solvers.measurement import quartiles


def table_by_frame(runs: Sequence[RunOf]) -> Table:
    """A row a run, from its log."""
    rows = []
    for each in runs:
        about, lines = read_run(each.folder)
        shape = "x".join(map(str, about["grid"]["shape"]))
        times = [1e3 * pressure_seconds(line) for line in lines]
        counts = [line["iterations"] for line in lines]
        cells = (three(quartiles(counts), ".0f"), three(quartiles(times), ".1f"))
        rows.append((each.solver, shape, str(len(lines)), *cells, f"{sum(times) / 1e3:.2f}"))
    headings = ("solver", "cells", "frames", "iterations", "ms of pressure", "s in all")
    title = "the pressure in each frame: medians (middle half) of the frames"
    return Table(title, headings, rows, [not each.done for each in runs])


def plot_frames(runs: Sequence[RunOf], folder: Path) -> list[Path]:
    """Write two PNG files: the time in the pressure so far, and the iterations of each frame."""
    logs = {each.solver: read_run(each.folder)[1] for each in runs}
    figures = [Figure(figsize=(7, 4.5), layout="constrained") for _ in range(2)]
    times, counts = (figure.subplots() for figure in figures)
    for solver, lines in logs.items():
        frames = [line["frame"] for line in lines]
        times.plot(frames, np.cumsum([pressure_seconds(line) for line in lines]), label=solver)
        counts.plot(frames, [line["iterations"] for line in lines], label=solver)
    paths = [folder / "frames_time.png", folder / "frames_iterations.png"]
    labels = ("setup and solve so far, s", "iterations a frame")
    for figure, axes, path, label in zip(figures, (times, counts), paths, labels, strict=True):
        _finish(axes, label)
        figure.savefig(path, dpi=130)
    return paths


def _finish(axes: Axes, label: str) -> None:
    axes.set_yscale("log")
    axes.set_xlabel("frame")
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
