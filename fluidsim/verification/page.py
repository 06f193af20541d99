"""The page of the suite: Markdown with tables, and one picture per family."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from fluidsim.figures.report import machine, markdown
from fluidsim.files import replacing
from fluidsim.verification.case import Case, Check, Findings, Plot
from fluidsim.verification.cases import FAMILIES

ACROSS = 4  # plots per row
PAGE = "VERIFICATION.md"


class Outcome(Protocol):
    """What the page needs to know about a case."""

    @property
    def findings(self) -> Findings | None: ...
    @property
    def error(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def holds(self) -> bool: ...


def write_page(
    out: Path, outcomes: Mapping[Case, Outcome], command: str, processes: int, seconds: float
) -> Path:
    """Write OUT/VERIFICATION.md and its pictures; returns the path of the page."""
    held = sum(outcome.holds for outcome in outcomes.values())
    parts = [
        "# Verification",
        f"{held} of {len(outcomes)} cases hold. Written by `{command}` in {seconds:.0f} s on "
        f"{processes} of {machine()}; each case on one thread.",
        "A number holds if it lies within the tolerance of its reference.",
    ]
    for family, (title, cases) in FAMILIES.items():
        ran = {case: outcomes[case] for case in cases if case in outcomes}
        if ran:
            parts += [f"## {title}", *_section(family, ran, out)]
    path = out / PAGE
    with replacing(path) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def _section(family: str, outcomes: Mapping[Case, Outcome], out: Path) -> list[str]:
    sources = dict.fromkeys(case.source for case in outcomes)
    rows = [["case", "what", "measured", "reference", "tolerance", ""]]
    tables: list[str] = []
    plots: list[Plot] = []
    for case, outcome in outcomes.items():
        if outcome.findings is None:
            rows.append([case.name, outcome.error.replace("|", "/"), "", "", "", "**failed**"])
            continue
        rows += [_row(case.name, check) for check in outcome.findings.checks]
        if outcome.findings.table:
            tables.append(
                f"`{case.name}`\n\n" + markdown([list(r) for r in outcome.findings.table])
            )
        plots += outcome.findings.plots
    said = [f"- `{case.name}`: {case.what}" for case in outcomes]
    section = ["Reference: " + "; ".join(sources) + ".", "\n".join(said), markdown(rows), *tables]
    if plots:
        draw(plots, out / f"{family}.webp")
        section.append(f"![{family}]({family}.webp)")
    return section


def _row(name: str, check: Check) -> list[str]:
    verdict = "holds" if check.holds else "**short**"
    measured, reference, tolerance = (
        _number(value) for value in (check.measured, check.reference, check.tolerance)
    )
    least = "at least " if check.at_least else ""
    return [name, check.what, measured, least + reference, tolerance, verdict]


def _number(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"


def draw(plots: Sequence[Plot], path: Path) -> None:
    """Draw one picture of small plots, ACROSS in a row."""
    from matplotlib.figure import Figure

    rows = math.ceil(len(plots) / ACROSS)
    figure = Figure(figsize=(3.1 * min(ACROSS, len(plots)), 2.3 * rows), layout="constrained")
    axes = figure.subplots(rows, min(ACROSS, len(plots)), squeeze=False).ravel()
    for panel, plot in zip(axes, plots, strict=False):
        for curve in sorted(plot.curves, key=lambda each: each.reference):
            style = {"color": "k", "lw": 0.8, "ls": "--"} if curve.reference else {"lw": 1.1}
            if curve.reference and len(curve.x) < 40:
                style |= {"marker": ".", "ms": 4, "ls": "--" if plot.loglog else ""}
            panel.plot(curve.x, curve.y, label=curve.label, **style)
        if plot.loglog:
            panel.loglog()
        panel.set_title(plot.title, fontsize=8)
        panel.set_xlabel(plot.across, fontsize=7)
        panel.set_ylabel(plot.up, fontsize=7)
        panel.tick_params(labelsize=6, which="both")
        panel.legend(fontsize=6, frameon=False)
    for panel in axes[len(plots) :]:
        panel.set_axis_off()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=75, pil_kwargs={"quality": 60})
