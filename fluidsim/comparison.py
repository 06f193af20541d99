"""`fluidsim bench`: stored systems to solvers, then a table, files and plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fluidsim.files import replacing
from fluidsim.record import header
from solvers import bench, runtime
from solvers.bench_plots import plot_all


def run_bench(
    folder: Path, names: Sequence[str], rtol: float, repeats: int, use_guess: bool,
    threads: int | None, out: Path,
) -> None:  # fmt: skip
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
    plot_all(results, out)
    console.print(f"results and plots in {out}", soft_wrap=True)


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
    table.add_column("solver")
    for heading in ("solved", "iterations", "most", "setup ms", "solve ms", "times cg's speed"):
        table.add_column(heading, justify="right")
    for row in bench.summarise(results):
        table.add_row(
            row.solver,
            f"{row.solved}/{row.systems}",
            f"{row.iterations:.1f}",
            str(row.most_iterations),
            f"{1e3 * row.setup_seconds:.1f}",
            f"{1e3 * row.solve_seconds:.1f}",
            f"{row.speedup:.2f}",
        )
    return table
