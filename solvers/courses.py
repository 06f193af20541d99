"""What the systems of a run cost a solver one after the other."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from solvers.measurement import Measurement, quartiles

Quartiles = tuple[float, float, float]


@dataclass(frozen=True)
class Course:
    """One solver on the systems of one run, in their order.

    Attributes
    ----------
    run, solver : str
        Their names; the run is "" where there is only one.
    shape : tuple of int
        Cells along each axis.
    solved, systems : int
        Number of systems it solved, and of all.
    unknowns : float
        Their median.
    counts : list of int
        Iterations on each system that it solved.
    totals : list of tuple of float
        Lower quartile, median and upper quartile, over the repeats, of the seconds from the first
        system to this one. A setup counts where the matrix is not that of the system before.
    """

    run: str
    solver: str
    shape: tuple[int, ...]
    solved: int
    systems: int
    unknowns: float
    counts: list[int]
    totals: list[Quartiles]

    @property
    def iterations(self) -> Quartiles:
        """Quartiles over the systems that it solved."""
        return quartiles(self.counts)

    @property
    def seconds(self) -> Quartiles:
        """Of all systems together; nan unless it solved each of them."""
        return self.totals[-1] if self.solved == self.systems else quartiles([])


def run_of(system: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]] | None:
    """Name the run that a recorded system is of.

    Parameters
    ----------
    system : str
        Its name; recorded systems have numbers for names, after that of their folder.
    shape : tuple of int
        Cells along each axis.

    Returns
    -------
    tuple or None
        Folder and shape; None for a system that is not of a run.
    """
    folder, name = os.path.split(system)
    return (folder, shape) if name.isdigit() else None


def courses(results: Sequence[Measurement]) -> list[Course]:
    """Add up measurements along the runs that their systems come from.

    Parameters
    ----------
    results : sequence of Measurement
        What `solvers.bench.bench` returned.

    Returns
    -------
    list of Course
        Run by run, solver by solver, of runs with at least two systems.
    """
    found: dict[tuple[str, tuple[int, ...]], dict[str, list[Measurement]]] = {}
    for each in results:
        run = run_of(each.system, each.shape)
        if run is not None:
            found.setdefault(run, {}).setdefault(each.solver, []).append(each)
    return [
        _course(*run, solver, rows)
        for run, by_solver in found.items()
        for solver, rows in by_solver.items()
        if len(rows) > 1
    ]


def write_csv(path: str | os.PathLike[str], found: Sequence[Course]) -> None:
    """Write a line a course as a CSV file, with its quartiles.

    Parameters
    ----------
    path : str or os.PathLike
        File to write.
    found : sequence of Course
        The courses.
    """
    headings = ["run", "solver", "shape", "unknowns", "solved", "systems"]
    for what in ("iterations", "seconds"):
        headings += [f"{what}_{part}" for part in ("lower_quartile", "median", "upper_quartile")]
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        for each in found:
            shape = "x".join(map(str, each.shape))
            cells = (each.run, each.solver, shape, each.unknowns, each.solved, each.systems)
            writer.writerow((*cells, *each.iterations, *each.seconds))


def _course(run: str, shape: tuple[int, ...], solver: str, mine: Sequence[Measurement]) -> Course:
    good = [each for each in mine if not each.failure]
    sums = [0.0] * min((len(each.solve_times) for each in good), default=0)
    totals = []
    for each in good:
        setups = [0.0] * len(sums) if each.repeated else each.setup_times
        parts = zip(sums, setups, each.solve_times, strict=False)
        sums = [total + setup + solve for total, setup, solve in parts]
        totals.append(quartiles(sums))
    unknowns = quartiles([each.unknowns for each in mine])[1]
    counts = [each.iterations for each in good]
    return Course(run, solver, shape, len(good), len(mine), unknowns, counts, totals)
