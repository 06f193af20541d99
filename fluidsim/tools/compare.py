"""`fluidsim bench` and `fluidsim compare`: solvers on identical systems, and the results."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from fluidsim import render
from fluidsim.errors import SimulationError
from fluidsim.files import replacing
from fluidsim.runs.run import Build, run
from fluidsim.runs.stopping import DONE, INTERRUPTED
from fluidsim.store.run_folder import header, read_run
from fluidsim.tools.report import SUMMARY_HEADINGS, summary_cells, write_report
from solvers import bench, runtime
from solvers.bench_plots import plot_all


@dataclass(frozen=True)
class Comparison:
    """Measurements, what the log header says of machine and settings, and the plots' files."""

    results: list[bench.Measurement]
    about: dict[str, Any]
    plots: list[Path]


def run_bench(
    folder: Path, names: Sequence[str], rtol: float, repeats: int, use_guess: bool,
    threads: int | None, out: Path,
) -> Comparison:  # fmt: skip
    """Bench, print the tables, and write results.csv, results.json and plots into `out`."""
    machine = runtime.configure(threads)
    systems = bench.load_systems(folder)
    out.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False, markup=False)
    console.print(
        f"{len(systems)} systems, {len(names)} solvers, rtol {rtol:g}, {machine.threads} threads, "
        f"medians of {repeats} after one run for warm-up"
    )
    with console.status("") as status:
        results = bench.bench(
            systems, names, rtol, repeats, use_guess,
            lambda done, total, what: status.update(f"{done}/{total} {what}"),
        )  # fmt: skip
    console.print(detail_table(results))
    console.print(summary_table(results))
    about = {
        **header(machine.threads, "cpu"),
        "rtol": rtol,
        "repeats": repeats,
        "use_guess": use_guess,
    }
    with replacing(out / "results.csv") as path:
        bench.write_csv(path, results)
    with replacing(out / "results.json") as path:
        bench.write_json(path, results, about)
    plots = plot_all(results, out)
    console.print(f"results and plots in {out}", soft_wrap=True)
    return Comparison(results, about, plots)


def compare(
    build: Build, name: str, names: Sequence[str], flags: Sequence[str], every: int, repeats: int,
    independent: bool, out: Path,
) -> None:  # fmt: skip
    """Run a scene once, its systems recorded; bench the solvers on them; write report.html.

    flags: of the run. every: store every N-th system. independent: run the scene with each
    solver too, and show the runs side by side. Raises SimulationError when a run fails.
    """
    if (out / "report.html").exists():
        raise SimulationError(f"{out} already holds a comparison; choose another --out")
    folders = [out / "run"]
    _run_scene(build, name, [*flags, "--record-systems", str(every)], folders[0])
    config = read_run(folders[0])[0]["config"]
    done = run_bench(
        folders[0], names, config["rtol"], repeats, True, config["threads"], out / "bench"
    )
    if independent:
        folders = [out / solver for solver in names]
        for solver, folder in zip(names, folders, strict=True):
            _run_scene(build, name, [*flags, "--solver", solver], folder)
    video = _side_by_side(folders, out / "video.mp4", config["fps"]) if config["render"] else None
    title = f"{name}: {', '.join(names)}"
    ours = ["--every", str(every), *(["--independent"] if independent else [])]
    command = shlex.join(["fluidsim", "compare", name, "--solvers", *names, *ours, *flags])
    report = out / "report.html"
    write_report(report, title, command, done.about, done.results, done.plots, video)
    print(f"report {report}")


def _run_scene(build: Build, name: str, flags: Sequence[str], folder: Path) -> None:
    status = run(build, [*flags, "--out", str(folder)], prog=f"fluidsim run {name}")
    if status == INTERRUPTED:
        raise KeyboardInterrupt
    if status != DONE:
        raise SimulationError(f"the run in {folder} failed, see the line above")


def _side_by_side(folders: Sequence[Path], path: Path, fps: int) -> Path:
    """A video of runs side by side, scaled to the width of one."""
    numbers = [line["frame"] for line in read_run(folders[0])[1]]

    def pictures() -> Iterator[np.ndarray]:
        for number in numbers:
            parts = [Image.open(f / "frames" / f"{number:04d}.png") for f in folders]
            width, height = parts[0].width // len(parts), parts[0].height // len(parts)
            yield np.hstack([np.asarray(part.resize((width, height))) for part in parts])

    return render.write_video(path, pictures(), fps)


def detail_table(results: Sequence[bench.Measurement]) -> Table:
    """A row a measurement."""
    table = Table(title="each solver on each system")
    for heading in ("system", "unknowns", "solver"):
        table.add_column(heading)
    for heading in ("iterations", "residual", "setup ms", "solve ms"):
        table.add_column(heading, justify="right")
    for row in results:
        if row.failure:
            values = (str(row.iterations), f"{row.relative_residual:.1e}", row.failure, "")
        else:
            values = (
                str(row.iterations),
                f"{row.relative_residual:.1e}",
                f"{1e3 * row.setup_seconds:.1f}",
                f"{1e3 * row.solve_seconds:.1f}",
            )
        table.add_row(row.system, f"{row.unknowns:,}", row.solver, *values)
    return table


def summary_table(results: Sequence[bench.Measurement]) -> Table:
    """A row a solver."""
    table = Table(title="means over the systems solved")
    for index, heading in enumerate(SUMMARY_HEADINGS):
        table.add_column(heading, justify="right" if index else "left")
    for row in bench.summarise(results):
        table.add_row(*summary_cells(row))
    return table
