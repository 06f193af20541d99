"""Plots of a comparison of solvers."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from solvers.courses import Course, courses
from solvers.measurement import Measurement
from solvers.summary import baseline_of, growth, speedups, summarise


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
        "setup_solve": lambda axes: _stacked(axes, results),
    }
    shown_runs = courses(results)
    if shown_runs:
        last = [each for each in shown_runs if (each.run, each.shape) == _largest(shown_runs)]
        drawn["sequence_time"] = lambda axes: _totals(axes, last)
        drawn["sequence_iterations"] = lambda axes: _counts(axes, last)
    base = baseline_of(results)
    if any(speedups(results, name, base) for name in _names(good) if name != base):
        drawn["speedups"] = lambda axes: _histogram(axes, results)
    paths = []
    for name, draw in drawn.items():
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        draw(figure.subplots())
        paths.append(Path(folder) / f"{name}.png")
        figure.savefig(paths[-1], dpi=130)
    return paths


def _names(results: Sequence[Measurement]) -> list[str]:
    return list(dict.fromkeys(result.solver for result in results))


def _colour(solver: str, results: Sequence[Measurement]) -> str:
    return f"C{_names(results).index(solver) % 10}"


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
    if not against_time:
        axes.set_xscale("symlog", linthresh=20)
    axes.set_ylabel("relative residual")
    axes.set_title(f"system {shown[0].system}, {shown[0].unknowns:,} unknowns")
    axes.grid(alpha=0.3)
    axes.legend()


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
    axes.set_title(f"{found[0].run} {shape}, {unknowns:,.0f} unknowns (median)".strip())
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def _scaling(axes: Axes, good: Sequence[Measurement]) -> None:
    for solver in _names(good):
        mine = sorted((r.unknowns, 1e3 * r.seconds) for r in good if r.solver == solver)
        power = growth(good, solver)
        label = solver if math.isnan(power) else f"{solver}, n^{power:.2f}"
        axes.loglog(*zip(*mine, strict=True), "o", alpha=0.7, label=label)
    axes.set_xlabel("unknowns n")
    axes.set_ylabel("setup and solve, ms (medians)")
    axes.grid(alpha=0.3, which="both")
    axes.legend()


def _histogram(axes: Axes, results: Sequence[Measurement]) -> None:
    """Distribution of each solver's speedup over the baseline, setup included."""
    base = baseline_of(results)
    ratios = {name: speedups(results, name, base) for name in _names(results) if name != base}
    ratios = {name: values for name, values in ratios.items() if values}
    every = np.concatenate([np.asarray(values) for values in ratios.values()])
    bins = np.geomspace(every.min() * 0.9, every.max() * 1.1, 24)
    for name, values in ratios.items():
        axes.hist(values, bins, alpha=0.6, label=name, color=_colour(name, results))
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel(f"speedup over {base}, of medians")
    axes.set_ylabel("systems")
    axes.legend()


def _stacked(axes: Axes, results: Sequence[Measurement]) -> None:
    rows = [row for row in summarise(results) if row.solved]
    names = [row.solver for row in rows]
    setup = np.array([1e3 * row.setup_seconds for row in rows])
    rest = np.array([1e3 * row.solve_seconds for row in rows])
    axes.barh(names, setup, label="setup", color="C7")
    axes.barh(names, rest, left=setup, label="solve", color="C0")
    axes.set_xlabel("mean over the systems of medians, ms")
    axes.invert_yaxis()
    axes.legend()
