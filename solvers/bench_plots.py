"""Plots of a comparison of solvers."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from solvers.courses import Course, courses
from solvers.measurement import Measurement
from solvers.summary import baseline_of, growth, speedups, summarise

_COLOURS = list(matplotlib.color_sequences["tab10"])
_STYLES = {
    "color": 3 * _COLOURS,
    "linestyle": [style for style in ("-", "--", ":") for _ in _COLOURS],
}


def plot_all(results: Sequence[Measurement], folder: str | os.PathLike[str]) -> list[Path]:
    """Write the plots of a comparison.

    Parameters
    ----------
    results : sequence of Measurement
        What `bench` returned.
    folder : str or os.PathLike
        An existing folder.

    Returns
    -------
    list of Path
        The PNG files: at most seven, those without data are left out.
    """
    good = [result for result in results if not result.failure]
    if not good:
        return []
    hardest = max(good, key=lambda result: (result.unknowns, result.system)).system
    shown = [result for result in good if result.system == hardest]
    drawn = {
        "residual_iterations": lambda axes: _residuals(axes, shown, against_time=False),
        "residual_time": lambda axes: _residuals(axes, shown, against_time=True),
        "time_unknowns": lambda axes: _scaling(axes, good),
        "setup_solve": lambda axes: _parts(axes, results),
    }
    shown_runs = courses(results)
    if shown_runs:
        last = [each for each in shown_runs if (each.run, each.shape) == _largest(shown_runs)]
        drawn["sequence_time"] = lambda axes: _totals(axes, last)
        drawn["sequence_iterations"] = lambda axes: _counts(axes, last)
    base = baseline_of(results)
    if any(speedups(results, name, base) for name in _names(good) if name != base):
        drawn["speedups"] = lambda axes: _ratios(axes, results)
    paths = []
    for name, draw in drawn.items():
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        axes = figure.subplots()
        axes.set_prop_cycle(**_STYLES)
        draw(axes)
        paths.append(Path(folder) / f"{name}.png")
        figure.savefig(paths[-1], dpi=130)
    return paths


def _names(results: Sequence[Measurement]) -> list[str]:
    return list(dict.fromkeys(result.solver for result in results))


def _legend(axes: Axes) -> None:
    """Beside the plot, so that it covers nothing however many solvers there are."""
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def _residuals(axes: Axes, shown: Sequence[Measurement], against_time: bool) -> None:
    """Residual histories on one system; in time, iterations are evenly spaced after the setup."""
    for result in shown:
        place = np.arange(len(result.history), dtype=float)
        if against_time:
            steps = max(1, len(result.history) - 1)
            place = 1e3 * (result.setup_seconds + result.solve_seconds * place / steps)
        seen = np.isfinite(result.history)
        values = np.maximum(np.array(result.history)[seen], 1e-17)
        axes.semilogy(place[seen], values, marker=".", markersize=4, label=result.solver)
    axes.set_xlabel("setup and solve, ms" if against_time else "iterations")
    if against_time:
        axes.set_xscale("log")
    else:
        axes.set_xscale("symlog", linthresh=20)
    axes.set_ylabel("relative residual")
    axes.set_title(f"system {shown[0].system}, {shown[0].unknowns:,} unknowns")
    axes.grid(alpha=0.3)
    _legend(axes)


def _largest(found: Sequence[Course]) -> tuple[str, tuple[int, ...]]:
    most = max(found, key=lambda each: each.unknowns)
    return most.run, most.shape


def _totals(axes: Axes, found: Sequence[Course]) -> None:
    """Cumulative time over the systems of a run, with the middle half of the repeats."""
    for each in found:
        if each.solved < each.systems:
            axes.plot([], [], label=f"{each.solver} (solved {each.solved} of {each.systems})")
            continue
        lower, median, upper = np.transpose(each.totals)
        place = np.arange(1, each.systems + 1)
        (line,) = axes.plot(place, median, label=each.solver)
        axes.fill_between(place, lower, upper, color=line.get_color(), alpha=0.25, linewidth=0)
    axes.set_yscale("log")
    axes.set_ylabel("setup and solve so far, s (medians, middle half)")
    _name_run(axes, found)


def _counts(axes: Axes, found: Sequence[Course]) -> None:
    """Iterations on each system of a run."""
    for each in found:
        counts = each.counts if each.solved == each.systems else []
        place = np.arange(1, len(counts) + 1)
        axes.plot(place, counts, marker=".", markersize=3, label=each.solver)
    axes.set_yscale("log")
    axes.set_ylabel("iterations")
    _name_run(axes, found)


def _name_run(axes: Axes, found: Sequence[Course]) -> None:
    shape, unknowns = "x".join(map(str, found[0].shape)), found[0].unknowns
    axes.set_xlabel("system of the run, in its order")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(f"{found[0].run} {shape}, {unknowns:,.0f} unknowns (median)".strip())
    axes.grid(alpha=0.3)
    _legend(axes)


def _scaling(axes: Axes, good: Sequence[Measurement]) -> None:
    for number, solver in enumerate(_names(good)):
        mine = sorted((r.unknowns, 1e3 * r.seconds) for r in good if r.solver == solver)
        power = growth(good, solver)
        label = solver if math.isnan(power) else f"{solver}, n^{power:.2f}"
        marker = "os^"[number // len(_COLOURS) % 3]
        axes.loglog(*zip(*mine, strict=True), marker, alpha=0.7, label=label)
    axes.set_xlabel("unknowns n")
    axes.set_ylabel("setup and solve, ms (medians)")
    axes.tick_params(axis="x", which="minor", labelsize=8, labelrotation=30)
    axes.grid(alpha=0.3, which="both")
    _legend(axes)


def _ratios(axes: Axes, results: Sequence[Measurement]) -> None:
    """Each solver's speedups over the baseline, setup included: all, the middle half, median."""
    base = baseline_of(results)
    ratios = {name: speedups(results, name, base) for name in _names(results) if name != base}
    ratios = {name: values for name, values in ratios.items() if values}
    for row, values in enumerate(ratios.values()):
        least, lower, median, upper, most = np.quantile(values, (0, 0.25, 0.5, 0.75, 1))
        axes.plot((least, most), (row, row), "-", color="C0", linewidth=1)
        axes.plot((lower, upper), (row, row), "-", color="C0", linewidth=7, alpha=0.5)
        axes.plot(median, row, "|", color="black", markersize=10)
    axes.set_yticks(range(len(ratios)), list(ratios))
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel(f"speedup over {base}, of medians")
    axes.grid(alpha=0.3, axis="x")
    axes.invert_yaxis()


def _parts(axes: Axes, results: Sequence[Measurement]) -> None:
    """Setup and solve of each solver, beside each other: on a logarithmic axis nothing adds up."""
    rows = [row for row in summarise(results) if row.solved]
    place = np.arange(len(rows))
    for number, part in enumerate(("setup", "solve")):
        values = [1e3 * getattr(row, f"{part}_seconds") for row in rows]
        axes.barh(
            place + 0.4 * number - 0.2, values, height=0.4, label=part, color=("C7", "C0")[number]
        )
    axes.set_yticks(place, [row.solver for row in rows])
    axes.set_xscale("log")
    axes.set_xlabel("mean over the systems of medians, ms")
    axes.grid(alpha=0.3, axis="x")
    axes.invert_yaxis()
    _legend(axes)
