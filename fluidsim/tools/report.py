"""One self-contained HTML page of a comparison: it opens from disk and needs no other file."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluidsim.files import replacing
from fluidsim.tools import tables
from fluidsim.tools.bench import Measured
from fluidsim.tools.tables import Table

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
       color: #1d2733; background: #fafbfc }
h1, h2 { font-weight: 600 } h2 { margin-top: 2.5rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #dde3ea }
th:first-child, td:first-child { text-align: left }
caption { text-align: left; color: #5a6675; padding: .3rem .8rem }
p.warning { color: #b3261e }
tr.failed td { color: #b3261e }
figure { display: inline-block; width: 46%; margin: 1% } img, video { width: 100% }
code { background: #eef1f5; padding: .1rem .3rem; border-radius: 3px }
"""


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
        title, results = html.escape(self.title), self.measured.results
        parts = [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f"<title>{title}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{title}</h1>",
            f"<p><code>{html.escape(self.command)}</code></p>",
        ]
        if self.video is not None:
            source = _inline(self.video, "video/mp4")
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
            picture = _inline(plot, "image/png")
            parts.append(f'<figure><img alt="{name}" src="{picture}"></figure>')
        parts += ["<h2>Each system</h2>", tables.details(results).as_html()]
        parts += ["<h2>Machine</h2>", _about(self.measured.about), "</body></html>"]
        with replacing(path) as temporary:
            temporary.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _inline(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _about(about: dict[str, Any]) -> str:
    flat = {
        key: ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        for key, value in about.items()
        if key not in ("command", "warnings")
    }
    rows = [(key, str(value)) for key, value in flat.items()]
    return Table("machine, versions and settings", ("", ""), rows, [False] * len(rows)).as_html()
