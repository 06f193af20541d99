"""The page of a comparison."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fluidsim.tools import tables
from fluidsim.tools.bench import Measured
from fluidsim.tools.page import about_machine, figure, inline, write_page
from fluidsim.tools.tables import Table


@dataclass(frozen=True)
class Report:
    """The page: title, the command that makes it again, what was measured, tables and plots of
    independent runs, a video."""

    title: str
    command: str
    measured: Measured
    runs: Sequence[Table]
    of_runs: Sequence[Path]
    video: Path | None

    def write(self, path: Path) -> None:
        """Write it as HTML."""
        results, parts = self.measured.results, []
        if self.video is not None:
            source = inline(self.video, "video/mp4")
            parts.append(f'<video controls loop muted playsinline src="{source}"></video>')
        if self.runs:
            parts.append("<h2>Runs with each solver</h2>")
            parts += (table.as_html() for table in self.runs)
            parts += map(figure, self.of_runs)
        parts.append("<h2>Solvers on identical systems</h2>")
        parts += [
            f'<p class="warning">Warning: {html.escape(warning)}</p>'
            for warning in self.measured.warnings
        ]
        shown = tables.for_paper(results)[::-1]
        parts += [table.as_html() for table in shown]
        parts.append(
            "<p>The solvers take turns on each system; one run for warm-up is not counted. "
            "Residuals are the true ones.</p>"
        )
        parts += map(figure, self.measured.plots)
        latex = html.escape("\n".join(table.as_latex() for table in (*self.runs, *shown)))
        parts.append(f"<details><summary>the tables in LaTeX</summary><pre>{latex}</pre></details>")
        parts += ["<h2>Each system</h2>", tables.details(results).as_html()]
        parts += ["<h2>Machine</h2>", about_machine(self.measured.about)]
        write_page(path, self.title, self.command, parts)
