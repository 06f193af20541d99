"""The page of a comparison."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from fluidsim.tools import tables
from fluidsim.tools.bench import Measured
from fluidsim.tools.page import about_machine, inline, write_page
from fluidsim.tools.tables import Table


@dataclass(frozen=True)
class Report:
    """The page: title, the command that makes it again, what was measured, a table of independent
    runs, a video."""

    title: str
    command: str
    measured: Measured
    runs: Table | None
    video: Path | None

    def write(self, path: Path) -> None:
        """Write it as HTML."""
        results, parts = self.measured.results, []
        if self.video is not None:
            source = inline(self.video, "video/mp4")
            parts.append(f'<video controls loop muted playsinline src="{source}"></video>')
        if self.runs is not None:
            parts += ["<h2>Runs with each solver</h2>", self.runs.as_html()]
        parts.append("<h2>Solvers on identical systems</h2>")
        parts += [
            f'<p class="warning">Warning: {html.escape(warning)}</p>'
            for warning in self.measured.warnings
        ]
        parts.append(tables.summary(results).as_html())
        growth = tables.growth(results)
        if growth is not None:
            parts.append(growth.as_html())
        parts.append(
            "<p>The solvers take turns on each system; one run for warm-up is not counted. "
            "Residuals are the true ones.</p>"
        )
        for plot in self.measured.plots:
            name = html.escape(plot.stem.replace("_", " "))
            picture = inline(plot, "image/png")
            parts.append(f'<figure><img alt="{name}" src="{picture}"></figure>')
        parts += ["<h2>Each system</h2>", tables.details(results).as_html()]
        parts += ["<h2>Machine</h2>", about_machine(self.measured.about)]
        write_page(path, self.title, self.command, parts)
