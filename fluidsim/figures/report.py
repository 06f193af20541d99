"""What the measurements share: running commands, Markdown, the sections of a file."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import psutil

from fluidsim.store.run_folder import processor_name
from solvers.runtime import available_threads


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{processor_name()}, {available_threads()} threads, {memory:.0f} GiB"


def run_fluidsim(*arguments: str) -> None:
    """Run a command in a process of its own, without its output."""
    command = [sys.executable, "-m", "fluidsim", *arguments]
    print(" ".join(["fluidsim", *arguments]), flush=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def bench_cell(row: dict[str, Any]) -> str:
    """Setup + solve in ms and iterations of a row of `solvers.bench`."""
    if row["failure"]:
        return row["failure"]
    setup, solve = (1e3 * row[f"{part}_seconds"] for part in ("setup", "solve"))
    return f"{setup:,.1f} + {solve:,.1f} ({row['iterations']})"


def markdown(rows: list[list[str]]) -> str:
    """The first row is the heading; all columns but the first are aligned to the right."""
    rule = ["---", *("---:" for _ in rows[0][1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], rule, *rows[1:]])


def replace_section(text: str, name: str, content: str) -> str:
    """The text with what stands between the marks of a section replaced.

    Raises ValueError with one line when the marks are not there.
    """
    begin, end = f"<!-- {name} begin -->", f"<!-- {name} end -->"
    before, first, rest = text.partition(begin)
    _, last, after = rest.partition(end)
    if not (first and last):
        raise ValueError(f"there is no {begin} ... {end}")
    return f"{before}{begin}\n{content}\n{end}{after}"
