"""Runs of one scene with several solvers, side by side: a table and a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fluidsim import render
from fluidsim.runs.video import frames_a_second
from fluidsim.store.run_folder import read_run
from fluidsim.tools.tables import Table


@dataclass(frozen=True)
class RunOf:
    """A run with a solver, in its folder; done: whether it came to its end."""

    solver: str
    folder: Path
    done: bool

    def cells(self) -> tuple[str, ...]:
        """Its row of the table."""
        about, lines = read_run(self.folder)
        shape = "x".join(map(str, about["grid"]["shape"]))
        cells = (self.solver, shape, str(len(lines)))
        return (*cells, *(_figures(lines) if lines else ("-",) * 7), about["status"])


def table_of(runs: Sequence[RunOf]) -> Table:
    """A row a run, from its log."""
    headings = (
        "solver", "cells", "frames", "substeps", "s in all", "s of pressure", "its share",
        "iterations a substep", "worst residual", "worst volume error", "status",
    )  # fmt: skip
    title = "the scene run with each solver: sums over one run each, so that seconds are rough"
    return Table(title, headings, [each.cells() for each in runs], [not each.done for each in runs])


def side_by_side(folders: Sequence[Path], path: Path, fps: int | None) -> Path:
    """A video of runs side by side, scaled to the width of one."""
    lines = read_run(folders[0])[1]
    numbers = [line["frame"] for line in lines]
    rate = frames_a_second(fps, lines[0]["time"] / lines[0]["frame"])

    def pictures() -> Iterator[np.ndarray]:
        for number in numbers:
            parts = [Image.open(f / "frames" / f"{number:04d}.png") for f in folders]
            width, height = parts[0].width // len(parts), parts[0].height // len(parts)
            yield np.hstack([np.asarray(part.resize((width, height))) for part in parts])

    return render.write_video(path, pictures(), rate)


def pressure_seconds(line: dict[str, Any]) -> float:
    """Of a frame's line of the log: setup and solve of its pressure systems."""
    stages = ("pressure_setup", "pressure_solve")
    return sum(line["seconds"].get(stage, 0.0) for stage in stages)


def _figures(lines: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    substeps = sum(line["substeps"] for line in lines)
    seconds = sum(sum(line["seconds"].values()) for line in lines)
    pressure = sum(map(pressure_seconds, lines))
    return (
        str(substeps),
        f"{seconds:.2f}",
        f"{pressure:.2f}",
        f"{pressure / seconds:.0%}",
        f"{sum(line['iterations'] for line in lines) / substeps:.1f}",
        f"{max(line['relative_residual'] for line in lines):.1e}",
        f"{max((line['volume_error'] for line in lines), key=abs):+.2%}",
    )
