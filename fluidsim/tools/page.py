"""Self-contained HTML pages: they open from disk and need no other file."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fluidsim.files import replacing
from fluidsim.tools.tables import Table

STYLE = """
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


def write_page(path: Path, title: str, command: str, parts: Sequence[str]) -> Path:
    """Write a page: its title, the command that makes it again, and parts that are HTML."""
    name = html.escape(title)
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>{name}</title><style>{STYLE}</style></head><body>",
        f"<h1>{name}</h1>",
        f"<p><code>{html.escape(command)}</code></p>",
        *parts,
        "</body></html>",
    ]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def inline(path: Path, kind: str) -> str:
    """A file as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def figure(plot: Path) -> str:
    """A PNG picture, named after its file."""
    name = html.escape(plot.stem.replace("_", " "))
    return f'<figure><img alt="{name}" src="{inline(plot, "image/png")}"></figure>'


def about_machine(about: Mapping[str, Any]) -> str:
    """A table of what a log's header says of the machine, the versions and the settings."""
    flat = {
        key: ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        for key, value in about.items()
        if key not in ("command", "warnings")
    }
    rows = [(key, str(value)) for key, value in flat.items()]
    return Table("machine, versions and settings", ("", ""), rows, [False] * len(rows)).as_html()
