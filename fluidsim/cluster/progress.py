"""How far the runs of a sweep are, from their logs."""

from __future__ import annotations

import time
from collections.abc import Sequence

import rich.progress
from rich.console import Console

from fluidsim.cluster.placing import Job

LOOK = 1.0  # s, between readings of the logs
QUIET = 30.0  # s, between lines where there is no terminal


class Progress:
    """Use as a context: a bar of all frames, weighted with the time that they take, with an ETA."""

    def __init__(self, jobs: Sequence[Job], console: Console):
        self._jobs = jobs
        self._console = console
        self._ended = {job.run.name for job in jobs if job.is_done}
        self._begin = time.monotonic()
        self._before = self._part()
        self._next_look = self._next_line = self._begin
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.fields[runs]}"),
            rich.progress.BarColumn(),
            rich.progress.TaskProgressColumn(),
            rich.progress.TimeElapsedColumn(),
            rich.progress.TextColumn("ETA {task.fields[left]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=1.0, runs=self._runs(), left="-")

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def look(self) -> None:
        """Read the logs, if it is time to."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK
        part = self._part()
        self._bar.update(self._task, completed=part, runs=self._runs(), left=self._left(part))
        if not self._console.is_terminal and now >= self._next_line:
            self._next_line = now + QUIET
            self.say(f"{self._runs()}  {part:.0%}  ETA {self._left(part)}")

    def ended(self, job: Job, how: str) -> None:
        """A run is done, or has failed."""
        self._ended.add(job.run.name)
        self.say(f"{self._runs()}  {job.run.name} {how}  ETA {self._left(self._part())}")

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(line, soft_wrap=True)

    def _runs(self) -> str:
        return f"run {len(self._ended)}/{len(self._jobs)}"

    def _part(self) -> float:
        """Of the work, 0 to 1."""
        done = sum(job.needs.seconds * self._done(job) for job in self._jobs)
        return done / sum(job.needs.seconds for job in self._jobs)

    def _done(self, job: Job) -> float:
        """The part of its frames that a run has logged."""
        if job.run.name in self._ended:
            return 1.0
        try:
            log = (job.folder / "log.jsonl").read_bytes()
        except OSError:
            return 0.0
        return min(1.0, log.count(b'\n{"frame": ') / job.run.config.frames)

    def _left(self, part: float) -> str:
        if part <= self._before:
            return "-"
        seconds = (time.monotonic() - self._begin) / (part - self._before) * (1 - part)
        return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
