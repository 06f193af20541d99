"""What a comparison of solvers measures, and its files."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import os
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """One solver on one system, with the wall times of each repeat.

    Attributes
    ----------
    system, solver : str
        Their names.
    shape : tuple of int
        Cells along each axis.
    unknowns : int
        Number of active cells.
    iterations : int
        Iterations of the solver.
    relative_residual : float
        True relative residual in float64, the largest of the repeats; nan after an error.
    setup_times, solve_times : list of float
        Seconds of the two parts in each repeat, after one run for warm-up; that run alone where the
        tolerance was missed, none after an error.
    failure : str
        Why there is no solution, "" if there is one.
    repeated : bool
        Whether the matrix is that of the system before in a run, where no setup is needed.
    history : list of float
        Relative residual after each iteration as the solver computed it, nan where it did not.
    """

    system: str
    shape: tuple[int, ...]
    unknowns: int
    solver: str
    iterations: int
    relative_residual: float
    failure: str
    setup_times: list[float] = field(default_factory=list)
    solve_times: list[float] = field(default_factory=list)
    repeated: bool = False
    history: list[float] = field(default_factory=list)

    @property
    def setup_seconds(self) -> float:
        """Median wall time of the setup; nan after an error."""
        return quartiles(self.setup_times)[1]

    @property
    def solve_seconds(self) -> float:
        """Median wall time of the solve; nan after an error."""
        return quartiles(self.solve_times)[1]

    @property
    def times(self) -> list[float]:
        """Seconds of setup and solve together, in each repeat."""
        return [a + b for a, b in zip(self.setup_times, self.solve_times, strict=True)]

    @property
    def seconds(self) -> float:
        """Median wall time of setup and solve together; nan after an error."""
        return quartiles(self.times)[1]

    def row(self) -> dict[str, Any]:
        """Flatten it for a table.

        Returns
        -------
        dict
            What was measured by name; of the times medians, quartiles and the slowest setup.
        """
        values = dataclasses.asdict(self)
        for name in ("setup_times", "solve_times", "history"):
            del values[name]
        for part, times in (("setup", self.setup_times), ("solve", self.solve_times)):
            lower, median, upper = quartiles(times)
            values |= {f"{part}_lower_quartile": lower, f"{part}_seconds": median}
            values[f"{part}_upper_quartile"] = upper
        return {**values, "slowest_setup": max(self.setup_times, default=math.nan)}


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile, values themselves included.

    Parameters
    ----------
    values : sequence of float
        In any order.

    Returns
    -------
    tuple of float
        Three times nan if there are none.
    """
    if len(values) < 2:
        one = values[0] if values else math.nan
        return (one, one, one)
    lower, median, upper = statistics.quantiles(values, method="inclusive")
    return lower, median, upper


def write_csv(path: str | os.PathLike[str], results: Iterable[Measurement]) -> None:
    """Write measurements as a CSV file, one line each, without histories and single times.

    Parameters
    ----------
    path : str or os.PathLike
        File to write.
    results : iterable of Measurement
        The measurements.
    """
    rows = [{**each.row(), "shape": "x".join(map(str, each.shape))} for each in results]
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)


def write_json(
    path: str | os.PathLike[str], results: Iterable[Measurement], header: dict[str, Any]
) -> None:
    """Write measurements with their histories and the times of each repeat as a JSON file.

    Parameters
    ----------
    path : str or os.PathLike
        File to write.
    results : iterable of Measurement
        The measurements; nan and inf become null.
    header : dict
        Machine, versions and settings; these come first.
    """
    rows = [_without_nan({**dataclasses.asdict(each), **each.row()}) for each in results]
    text = json.dumps({**header, "results": rows}, indent=1, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def _without_nan(value: Any) -> Any:
    """A copy with None for nan and inf, which JSON lacks."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    return [_without_nan(each) for each in value] if isinstance(value, list) else value
