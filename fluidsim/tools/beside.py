"""`fluidsim bench --beside`: solvers on a machine that other programs use, too."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from fluidsim.tools.bench import Settings
from fluidsim.tools.tables import Table
from solvers import bench, runtime

_BUSY = "while True: pass"


@contextmanager
def busy_programs(count: int) -> Iterator[None]:
    """So many programs that never rest."""
    programs = [subprocess.Popen([sys.executable, "-I", "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            with suppress(OSError):
                program.kill()
            program.wait()


def fair_slowdown(threads: int, others: int) -> float:
    """The factor that a fair share of the cores explains, for programs of one thread each."""
    cores = runtime.available_threads()
    share = cores * threads / max(cores, threads + others)
    return threads / share


def run_beside(folder: Path, settings: Settings, counts: Sequence[int]) -> None:
    """Measure beside 0 and so many other busy programs, and print the times and their ratios."""
    machine = runtime.configure(settings.threads)
    systems, console = settings.systems(folder), Console(highlight=False, markup=False)
    found = {}
    for count in sorted({0, *counts}):
        with busy_programs(count), console.status(f"beside {count} busy programs"):
            results = bench.bench(
                systems, settings.solvers, settings.rtol, settings.repeats, settings.use_guess
            )
        found[count] = {(row.system, row.solver): row for row in results}
    console.print(table(found, machine.threads).on_screen())


def table(found: dict[int, dict[tuple[str, str], bench.Measurement]], threads: int) -> Table:
    """A row for each solver on each system.

    found: by the number of busy programs, of which one is 0. Times are medians of setup and solve
    together; in brackets is the factor beyond what a fair share of the cores explains.
    """
    rows, failed = [], []
    for key, alone in found[0].items():
        cells = []
        for count, results in found.items():
            row = results[key]
            if row.failure:
                cells.append(row.failure)
                continue
            beyond = _seconds(row) / _seconds(alone) / fair_slowdown(threads, count)
            cells.append(f"{1e3 * _seconds(row):.1f} ({beyond:.1f})")
        rows.append((" ".join(key), *cells))
        failed.append(bool(alone.failure))
    headings = ("system, solver", *(f"beside {count}" for count in found))
    title = f"ms with at most {threads} threads (times what a fair share of the cores explains)"
    return Table(title, headings, rows, failed)


def _seconds(row: bench.Measurement) -> float:
    return statistics.median(
        setup + solve for setup, solve in zip(row.setup_times, row.solve_times, strict=True)
    )
