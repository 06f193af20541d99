"""One self-contained HTML page of a comparison: it opens from disk and needs no other file."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fluidsim.files import replacing
from solvers import bench

SUMMARY_HEADINGS = (
    "solver", "solved", "iterations", "most", "setup ms", "solve ms", "times cg's speed",
)  # fmt: skip
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
       color: #1d2733; background: #fafbfc }
h1, h2 { font-weight: 600 } h2 { margin-top: 2.5rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #dde3ea }
th:first-child, td:first-child { text-align: left }
tr.failed td { color: #b3261e }
figure { display: inline-block; width: 46%; margin: 1% } img, video { width: 100% }
code { background: #eef1f5; padding: .1rem .3rem; border-radius: 3px }
"""


def write_report(
    path: Path,
    title: str,
    command: str,
    about: dict[str, Any],
    results: Sequence[bench.Measurement],
    plots: Sequence[Path],
    video: Path | None,
) -> None:
    """Write the page: video, summary, plots, all measurements, machine and versions.

    about: what `record.header` says of the machine. plots: PNG files; video: mp4 or None.
    """
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{html.escape(title)}</h1>",
        f"<p><code>{html.escape(command)}</code></p>",
    ]
    if video is not None:
        source = _inline(video, "video/mp4")
        parts.append(f'<video controls loop muted playsinline src="{source}"></video>')
    parts += ["<h2>Solvers on identical systems</h2>", _summary(results)]
    parts.append("<p>Times are medians after one run for warm-up, residuals the true ones.</p>")
    for plot in plots:
        name = plot.stem.replace("_", " ")
        picture = _inline(plot, "image/png")
        parts.append(f'<figure><img alt="{html.escape(name)}" src="{picture}"></figure>')
    parts += ["<h2>Each system</h2>", _details(results), "<h2>Machine</h2>", _about(about)]
    parts.append("</body></html>")
    with replacing(path) as temporary:
        temporary.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _inline(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _table(headings: Sequence[str], rows: Sequence[tuple[bool, Sequence[str]]]) -> str:
    """rows: (failed, cells)."""
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
    lines = [f"<table><tr>{head}</tr>"]
    for failed, cells in rows:
        body = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        lines.append(f'<tr class="failed">{body}</tr>' if failed else f"<tr>{body}</tr>")
    return "".join([*lines, "</table>"])


def summary_cells(row: bench.Summary) -> tuple[str, ...]:
    """The text of a solver's row under SUMMARY_HEADINGS."""
    return (
        row.solver,
        f"{row.solved}/{row.systems}",
        f"{row.iterations:.1f}",
        str(row.most_iterations),
        f"{1e3 * row.setup_seconds:.1f}",
        f"{1e3 * row.solve_seconds:.1f}",
        "-" if math.isnan(row.speedup) else f"{row.speedup:.2f}",
    )


def _summary(results: Sequence[bench.Measurement]) -> str:
    rows = [(row.solved < row.systems, summary_cells(row)) for row in bench.summarise(results)]
    return _table(SUMMARY_HEADINGS, rows)


def _details(results: Sequence[bench.Measurement]) -> str:
    rows = [
        (
            bool(row.failure),
            (
                row.system,
                f"{row.unknowns:,}",
                row.solver,
                str(row.iterations),
                f"{row.relative_residual:.1e}",
                f"{1e3 * row.setup_seconds:.1f}",
                f"{1e3 * row.solve_seconds:.1f}",
                row.failure,
            ),
        )
        for row in results
    ]
    headings = ("system", "unknowns", "solver", "iterations", "residual", "setup ms", "solve ms")
    return _table((*headings, ""), rows)


def _about(about: dict[str, Any]) -> str:
    flat = {
        key: ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        for key, value in about.items()
    }
    return _table(("", ""), [(False, (key, str(value))) for key, value in flat.items()])
