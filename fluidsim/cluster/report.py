"""The page of a sweep."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fluidsim.store.run_folder import header
from fluidsim.tools.page import about_machine, inline, write_page
from fluidsim.tools.tables import Table


def write_report(
    rows: Sequence[Mapping[str, Any]], sheet: Path | None, command: str, path: Path
) -> Path:
    """Write the page: the rows as a table, the contact sheet, the machine."""
    failed = [row["status"] != "done" for row in rows]
    headings = [name.replace("_", " ") for name in rows[0]]
    cells = [[_text(value) for value in row.values()] for row in rows]
    title = "the runs: sums, means and worst of their frames; seconds are of one run each"
    parts = [
        f'<div style="overflow-x: auto">{Table(title, headings, cells, failed).as_html()}</div>'
    ]
    if sheet is not None:
        parts.append("<h2>Pictures</h2>")
        parts.append(f'<img alt="a row a run" src="{inline(sheet, "image/png")}">')
    videos = [
        f'<li><a href="{quote(row["run"], safe="=,")}/video.mp4">{html.escape(row["run"])}</a></li>'
        for row in rows
        if (path.parent / row["run"] / "video.mp4").exists()
    ]
    if videos:
        parts += ["<h2>Videos, in the folders of the runs</h2><ul>", *videos, "</ul>"]
    about = {
        name: value for name, value in header(0, "").items() if name in ("versions", "machine")
    }
    parts += ["<h2>Machine that wrote this page</h2>", about_machine(about)]
    return write_page(path, f"Sweep: {len(rows)} runs", command, parts)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
