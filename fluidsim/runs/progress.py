"""A progress bar with an ETA for runs and exports; plain lines without a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence

import rich.progress
from rich.console import Console
from rich.table import Table

from fluidsim.store.run_folder import FrameRecord

PLAIN_LINES = 10  # progress lines of a run without a terminal


class Progress:
    """Use as a context; `advance` or `step` after each frame."""

    def __init__(self, frames: int, done: int = 0, what: str = "frame"):
        """frames: the total. done: how many are done already. what: what they are called."""
        self._what = what
        self.frames = frames
        self._before = self._done = done
        self._console = Console()
        self._begin = time.perf_counter()
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn(f"{what} {{task.completed}}/{{task.total}}"),
            rich.progress.BarColumn(),
            rich.progress.TimeElapsedColumn(),
            rich.progress.TextColumn("ETA"),
            rich.progress.TimeRemainingColumn(),
            rich.progress.TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=frames, completed=done, note="")

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def advance(self, record: FrameRecord) -> None:
        each = record.iterations / max(1, record.substeps)
        self.step(f"{record.solver} {each:.0f} iterations, {record.substeps} substeps")

    def step(self, note: str = "") -> None:
        """Count one more frame as done."""
        self._bar.update(self._task, advance=1, note=note)
        self._done += 1
        every = max(1, self.frames // PLAIN_LINES)
        if not self._console.is_terminal and (self._done == self.frames or self._done % every == 0):
            spent = time.perf_counter() - self._begin
            left = spent / (self._done - self._before) * (self.frames - self._done)
            print(
                f"{self._what} {self._done}/{self.frames}  {spent:.1f} s  ETA {left:.1f} s  {note}",
                flush=True,
            )


def closing_table(records: Sequence[FrameRecord]) -> Table:
    """Share of each stage in the run, then the worst volume error and residual."""
    stages: dict[str, float] = {}
    for record in records:
        for stage, seconds in record.seconds.items():
            stages[stage] = stages.get(stage, 0.0) + seconds
    total = sum(stages.values())
    substeps = sum(record.substeps for record in records)
    table = Table(title=f"{len(records)} frames, {substeps} substeps, {total:.1f} s")
    table.add_column("stage")
    for heading in ("s", "share", "ms a frame"):
        table.add_column(heading, justify="right")
    for stage, seconds in sorted(stages.items(), key=lambda item: -item[1]):
        table.add_row(
            stage,
            f"{seconds:.2f}",
            f"{seconds / total:.1%}",
            f"{seconds / len(records) * 1e3:.1f}",
        )
    volume = max((record.volume_error for record in records), key=abs)
    residual = max(record.relative_residual for record in records)
    iterations = sum(record.iterations for record in records) / substeps
    table.add_section()
    table.add_row("worst volume error", "", f"{volume:+.2%}", "")
    table.add_row("worst residual", "", f"{residual:.1e}", "")
    table.add_row("iterations a solve", "", f"{iterations:.1f}", "")
    return table
