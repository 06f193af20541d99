"""`fluidsim bench`: solvers on identical stored systems, and the results."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from fluidsim.files import replacing
from fluidsim.store.run_folder import header
from fluidsim.tools import tables
from fluidsim.tools.neighbours import Neighbours
from solvers import bench, courses, runtime
from solvers.bench_plots import plot_all
from solvers.sorting import alike_in_turn
from solvers.storage import StoredSystem


@dataclass(frozen=True)
class Settings:
    """How solvers are measured: names, tolerance, timed runs, CPU threads, and whether the systems
    are sorted by likeness."""

    solvers: Sequence[str]
    rtol: float = 1e-6
    repeats: int = 5
    use_guess: bool = True
    threads: int | None = None
    sort: bool = False

    def command(self, folder: Path) -> str:
        """The command line that measures the systems of a folder like this."""
        words = ["fluidsim", "bench", str(folder), "--solvers", *self.solvers]
        words += ["--rtol", f"{self.rtol:g}", "--repeats", str(self.repeats)]
        words += [] if self.use_guess else ["--no-guess"]
        words += [] if self.threads is None else ["--threads", str(self.threads)]
        words += ["--sort"] if self.sort else []
        return shlex.join(words)

    def systems(self, folder: Path) -> dict[str, StoredSystem]:
        """The systems of a folder, in the order in which they are measured."""
        found = bench.load_systems(folder)
        return alike_in_turn(found) if self.sort else found


@dataclass(frozen=True)
class Measured:
    """What a bench found: measurements, what its log header says of machine and settings, the
    plots' files, and warnings about the times."""

    results: list[bench.Measurement]
    about: dict[str, Any]
    plots: list[Path]
    warnings: list[str]


def run_bench(folder: Path, settings: Settings, out: Path) -> Measured:
    """Bench, print the tables, and write them, results and plots into `out`."""
    machine = runtime.configure(settings.threads)
    systems = settings.systems(folder)
    out.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False, markup=False)
    names = list(dict.fromkeys(settings.solvers))
    console.print(
        f"{len(systems)} systems, {len(names)} solvers, rtol {settings.rtol:g}, "
        f"{machine.threads} threads, {settings.repeats} repeats by turns after one run for warm-up"
    )
    neighbours = Neighbours()
    with console.status("") as status:
        results = bench.bench(
            systems, names, settings.rtol, settings.repeats, settings.use_guess,
            lambda done, total, what: status.update(f"{done}/{total} {what}"),
        )  # fmt: skip
    warnings = list(filter(None, (bench.noise(results), neighbours.warning())))
    console.print(tables.details(results).on_screen())
    shown = tables.for_paper(results)
    for table in shown:
        console.print(table.on_screen())
    for warning in warnings:
        console.print(f"warning: {warning}", soft_wrap=True)
    about = {
        **header(machine.threads, "cpu"),
        "rtol": settings.rtol,
        "repeats": settings.repeats,
        "use_guess": settings.use_guess,
        "command": settings.command(folder),
        "warnings": warnings,
    }
    with replacing(out / "results.csv") as path:
        bench.write_csv(path, results)
    with replacing(out / "results.json") as path:
        bench.write_json(path, results, about)
    with replacing(out / "sequences.csv") as path:
        courses.write_csv(path, courses.courses(results))
    with replacing(out / "tables.tex") as path:
        path.write_text("\n".join(table.as_latex() for table in shown), encoding="utf-8")
    plots = plot_all(results, out)
    console.print(f"results and plots in {out}", soft_wrap=True)
    console.print(f"again: {settings.command(folder)}", soft_wrap=True)
    return Measured(results, about, plots, warnings)
