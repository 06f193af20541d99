"""The tables of a comparison, for the screen and for the page."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import rich.table

from solvers import bench
from solvers.courses import courses
from solvers.measurement import quartiles
from solvers.summary import baseline_of


@dataclass(frozen=True)
class Table:
    """rows: cells as text. failed: of each row, whether it tells of a failure."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    failed: Sequence[bool]

    def on_screen(self) -> rich.table.Table:
        """For a console; only the first column is aligned to the left."""
        table = rich.table.Table(title=self.title)
        for index, heading in enumerate(self.headings):
            table.add_column(heading, justify="right" if index else "left")
        for cells in self.rows:
            table.add_row(*cells)
        return table

    def as_html(self) -> str:
        """With its title as a caption."""
        head = "".join(f"<th>{html.escape(heading)}</th>" for heading in self.headings)
        lines = [f"<table><caption>{html.escape(self.title)}</caption><tr>{head}</tr>"]
        for failed, cells in zip(self.failed, self.rows, strict=True):
            body = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
            lines.append(f'<tr class="failed">{body}</tr>' if failed else f"<tr>{body}</tr>")
        return "".join([*lines, "</table>"])

    def as_latex(self) -> str:
        """A `tabular` for the packages booktabs and caption, the title above it."""
        lines = [
            "\\begin{table}\n\\centering",
            f"\\caption{{{_escaped(self.title)}}}",
            f"\\begin{{tabular}}{{l{'r' * (len(self.headings) - 1)}}}\n\\toprule",
            " & ".join(map(_escaped, self.headings)) + " \\\\\n\\midrule",
            *(" & ".join(map(_escaped, cells)) + " \\\\" for cells in self.rows),
            "\\bottomrule\n\\end{tabular}\n\\end{table}\n",
        ]
        return "\n".join(lines)


def for_paper(results: Sequence[bench.Measurement]) -> list[Table]:
    """How times grow, sequences and the summary, as far as there is something to tell."""
    return [
        table
        for table in (growth(results), sequence(results), summary(results))
        if table is not None
    ]


def summary(results: Sequence[bench.Measurement]) -> Table:
    """A row a solver."""
    base = baseline_of(results)
    found = bench.summarise(results, base)
    rows = [
        (
            row.solver, f"{row.solved}/{row.systems}", f"{row.iterations:.1f}",
            str(row.most_iterations), ms(row.setup_seconds), ms(row.slowest_setup),
            ms(row.solve_seconds), _ratio(row.speedup, *row.speedup_quartiles),
        )
        for row in found
    ]  # fmt: skip
    headings = (
        "solver", "solved", "iterations, mean", "most", "setup ms, mean", "slowest",
        "solve ms, mean", f"speed of {base} = 1, median (middle half)",
    )  # fmt: skip
    title = "the systems solved: means of the medians over the repeats; setup + solve for the speed"
    return Table(title, headings, rows, [row.solved < row.systems for row in found])


def sequence(results: Sequence[bench.Measurement]) -> Table | None:
    """A row a solver and a run: its systems one after the other; None where there are no runs."""
    found = courses(results)
    rows = [
        (
            f"{each.solver} {each.run}".strip(), "x".join(map(str, each.shape)),
            f"{each.unknowns:,.0f}", f"{each.solved}/{each.systems}",
            three(each.iterations, ".0f"), three(each.seconds, ".3f"),
        )
        for each in found
    ]  # fmt: skip
    headings = (
        "solver, run", "cells", "unknowns", "solved", "iterations a system",
        "setup + solve of all, s",
    )  # fmt: skip
    title = (
        "the systems of a run one after the other: medians (middle half), of iterations over the "
        "systems, of seconds over the repeats; a setup counts where the matrix has changed"
    )
    failed = [each.solved < each.systems for each in found]
    return Table(title, headings, rows, failed) if found else None


def growth(results: Sequence[bench.Measurement]) -> Table | None:
    """A row a solver, a column a grid: how times and iterations grow; None with a single grid."""
    found = bench.sizes(results)
    shapes = list(dict.fromkeys(each.shape for each in found))
    if len(shapes) < 2:
        return None
    rows, failed = [], []
    for solver in dict.fromkeys(each.solver for each in found):
        mine = [each for each in found if each.solver == solver]
        cells = [
            f"{ms(each.seconds)} ({each.iterations:.0f})" if each.solved else "-" for each in mine
        ]
        power = bench.growth(results, solver)
        rows.append((solver, *cells, "-" if math.isnan(power) else f"n^{power:.2f}"))
        failed.append(any(each.solved < each.systems for each in mine))
    unknowns = {each.shape: each.unknowns for each in found if each.solved}
    named = [
        "x".join(map(str, shape)) + (f", n = {unknowns[shape]:,.0f}" if shape in unknowns else "")
        for shape in shapes
    ]
    title = "growth with the unknowns n: setup + solve in ms, medians (iterations)"
    return Table(title, ("solver", *named, "time"), rows, failed)


def details(results: Sequence[bench.Measurement]) -> Table:
    """A row a measurement."""
    rows = [
        (
            row.system, f"{row.unknowns:,}", row.solver, str(row.iterations),
            f"{row.relative_residual:.1e}", _spread(row.setup_times),
            ms(max(row.setup_times, default=math.nan)), _spread(row.solve_times), row.failure,
        )
        for row in results
    ]  # fmt: skip
    headings = (
        "system", "unknowns", "solver", "iterations", "residual", "setup ms", "slowest",
        "solve ms", "",
    )  # fmt: skip
    title = "each solver on each system: medians (middle half) of the repeats"
    return Table(title, headings, rows, [bool(row.failure) for row in results])


def _escaped(text: str) -> str:
    """Text for LaTeX."""
    return re.sub(r"([%&#_$])", r"\\\1", text).replace("^", r"\^{}")


def ms(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1e3 * seconds:.1f}"


def _spread(times: Sequence[float]) -> str:
    lower, median, upper = quartiles(times)
    return ms(median) if len(times) < 2 else f"{ms(median)} ({ms(lower)} to {ms(upper)})"


def _ratio(median: float, lower: float, upper: float) -> str:
    return three((lower, median, upper), ".2f")


def three(values: tuple[float, float, float], form: str) -> str:
    """Median (lower to upper quartile) of three quartiles."""
    lower, median, upper = (format(value, form) for value in values)
    return "-" if math.isnan(values[1]) else f"{median} ({lower} to {upper})"
