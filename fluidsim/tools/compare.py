"""`fluidsim compare`: a scene is run, its systems go to all solvers, a page tells the results."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from fluidsim.errors import SimulationError
from fluidsim.runs.flags import file_name
from fluidsim.runs.run import Build, run
from fluidsim.runs.stopping import DONE, INTERRUPTED
from fluidsim.store.run_folder import read_run
from fluidsim.tools.bench import Settings, run_bench
from fluidsim.tools.by_frame import plot_frames, table_by_frame
from fluidsim.tools.report import Report
from fluidsim.tools.side_by_side import RunOf, side_by_side, table_of


@dataclass(frozen=True)
class Question:
    """What is compared: see the flags of `fluidsim compare`.

    scene: its name or its file. flags: of its runs. resolutions: of its runs, none: what `flags`
    say. every: store every N-th system.
    """

    scene: str
    solvers: Sequence[str]
    flags: Sequence[str]
    resolutions: Sequence[int] = ()
    every: int = 10
    repeats: int = 5
    independent: bool = False

    def command(self) -> str:
        """The command line that asks it."""
        words = ["fluidsim", "compare", self.scene, "--solvers", *self.solvers]
        words += ["--every", str(self.every), "--repeats", str(self.repeats)]
        words += ["--resolutions", *map(str, self.resolutions)] if self.resolutions else []
        words += ["--independent"] if self.independent else []
        return shlex.join([*words, *self.flags])

    def sizes(self) -> list[tuple[str, list[str]]]:
        """Of each resolution: what it adds to the name of a folder, and the flags of its runs."""
        if not self.resolutions:
            return [("", list(self.flags))]
        return [(f"-{n}", [*self.flags, "--resolution", str(n)]) for n in self.resolutions]


def compare(build: Build, question: Question, out: Path) -> None:
    """Run a scene once, its systems recorded; bench the solvers on them; write report.html.

    With `independent`, the scene is also run with each solver; one that fails is a row that says
    so. Raises SimulationError when the run that records fails.
    """
    if out.exists() and any(out.iterdir()):
        raise SimulationError(f"{out} already holds files; choose another --out")
    record = ["--record-systems", str(question.every)]
    for suffix, flags in question.sizes():
        recorded = out / f"run{suffix}"
        if not _ran(build, [*flags, *record], recorded):
            raise SimulationError(f"the run in {recorded} failed, see the line above")
    config = read_run(recorded)[0]["config"]
    settings = Settings(
        question.solvers, config["rtol"], question.repeats, threads=config["threads"]
    )
    measured = run_bench(out, settings, out / "bench")
    runs = _independent(build, question, out) if question.independent else []
    about_runs = [table_of(runs), table_by_frame(runs)] if runs else []
    for table in about_runs:
        Console(highlight=False, markup=False).print(table.on_screen())
    shown = [each.folder for each in runs[-len(question.solvers) :] if each.done] or [recorded]
    video = side_by_side(shown, out / "video.mp4", config["fps"]) if config["render"] else None
    title = f"{Path(question.scene).stem}: {', '.join(question.solvers)}"
    of_runs = plot_frames(runs[-len(question.solvers) :], out) if runs else []
    report = Report(title, question.command(), measured, about_runs, of_runs, video)
    report.write(out / "report.html")
    print(f"report {out / 'report.html'}\nagain: {question.command()}")


def _independent(build: Build, question: Question, out: Path) -> list[RunOf]:
    """The scene with each solver, resolution by resolution."""
    runs = []
    for suffix, flags in question.sizes():
        for solver in question.solvers:
            folder = out / f"{file_name(solver)}{suffix}"
            done = _ran(build, [*flags, "--solver", solver], folder)
            runs.append(RunOf(solver, folder, done))
    return runs


def _ran(build: Build, flags: Sequence[str], folder: Path) -> bool:
    """Run the scene into a folder; whether it was done."""
    status = run(build, [*flags, "--out", str(folder)], prog="fluidsim compare")
    if status == INTERRUPTED:
        raise KeyboardInterrupt
    return status == DONE
