"""Scripts as pages: run each script in examples/ and write what it says, prints and draws.

    python docs/pages.py

Three of them take minutes: with QUICK_DOCS=1 in the environment their pages show what they say,
without having run.

A script is in the percent format that editors open as a notebook: `# %% [markdown]` begins a cell
of text, `# %%` one of code. It runs in a folder of its own; each PNG file that a cell writes there
is shown below the cell.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parent / "examples"
LONG = "breakwater", "jet", "viscosity"


@dataclass(frozen=True)
class Cell:
    """A part of a script. line: where it begins in the file, from 1."""

    is_text: bool
    source: str
    line: int


def cells(script: str) -> list[Cell]:
    """The cells of a script. Raises ValueError when it does not begin with one."""
    found: list[Cell] = []
    lines: list[str] = []
    for number, line in enumerate(script.splitlines(), 1):
        if line.startswith("# %%"):
            lines = []
            found.append(Cell("[markdown]" in line, "", number + 1))
        elif not found:
            raise ValueError(f"line {number} comes before the first cell")
        lines.append(line)
        source = "\n".join(lines[1:]).strip("\n")
        if found[-1].is_text:
            source = "\n".join(each.removeprefix("#").removeprefix(" ") for each in lines[1:])
        found[-1] = Cell(found[-1].is_text, source.strip("\n"), found[-1].line)
    return [cell for cell in found if cell.source]


def executed(script: Path, folder: Path) -> Iterator[tuple[Cell, str, list[str]]]:
    """Run a script in `folder`; each cell with what it printed and the pictures it wrote.

    The script may extend `sys.path`; afterwards it is as before.
    """
    names = {"__name__": script.stem, "__file__": str(script)}
    seen: dict[str, int] = {}
    path = list(sys.path)
    for cell in cells(script.read_text(encoding="utf-8")):
        printed = io.StringIO()
        if not cell.is_text:
            source = "\n" * (cell.line - 1) + cell.source
            code = compile(source, str(script), "exec", dont_inherit=True)
            with _inside(folder), contextlib.redirect_stdout(printed):
                exec(code, names)
        times = {path.name: path.stat().st_mtime_ns for path in sorted(folder.glob("*.png"))}
        yield cell, printed.getvalue(), [name for name in times if times[name] != seen.get(name)]
        seen = times
    sys.path[:] = path


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """With this folder as the working one, and without a screen to draw on."""
    before = os.getcwd()
    os.environ.setdefault("MPLBACKEND", "Agg")
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def page(script: Path, out: Path, run: bool = True) -> Path:
    """Run a script and write its page and its pictures into the folder `out`."""
    parts = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        unrun = ((cell, "", []) for cell in cells(script.read_text(encoding="utf-8")))
        for cell, printed, pictures in executed(script, folder) if run else unrun:
            parts.append(cell.source if cell.is_text else f"```python\n{cell.source}\n```")
            if printed.strip():
                parts.append(f"```text\n{printed.rstrip()}\n```")
            for name in pictures:
                kept = f"{script.stem}-{name}"
                shutil.copyfile(folder / name, out / kept)
                parts.append(f"![{Path(name).stem}]({kept})")
    target = out / f"{script.stem}.md"
    target.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return target


if __name__ == "__main__":
    sys.path.pop(0)  # this folder: its solvers/ hides the package
    for path in sorted(EXAMPLES.glob("*.py")):
        print(page(path, EXAMPLES, path.stem not in LONG or "QUICK_DOCS" not in os.environ))
