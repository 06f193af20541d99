"""The model card of weight files, made from their notes: `python -m solvers.npsdo.card FOLDER`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from solvers.npsdo import weights
from solvers.tensor_files import read

NAME = "MODEL_CARD.md"
_HEAD = """# Weights of the neural preconditioners

Written by `fluidsim train npsdo` from the notes in the files; `python -m solvers.npsdo.card`
rewrites it. The weights have the licence of the program, MIT. They were trained on systems from the
project's own scenes and on random geometries, and on nothing else. Scores are iterations to a
relative residual of 1e-6 by size: mean (largest); of mgno, which guesses the pressure, per cent of
the error in the A-norm that its guess leaves.
"""


def write(folder: str | os.PathLike[str]) -> Path:
    """Write the card of all weight files in a folder, one table per file; returns its path."""
    folder = Path(folder)
    parts = [_HEAD, *(_table(path) for path in sorted(folder.glob("*_[23]d.safetensors")))]
    return replace(folder / NAME, "\n".join(parts))


def replace(path: Path, text: str) -> Path:
    """Write a text file, complete or not at all; returns its path."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return path


def _table(path: Path) -> str:
    tensors, about = read(path)
    count = sum(values.numel() for values in tensors.values())
    rows = {
        "parameters": f"{count:,} (float32, {path.stat().st_size / 1024:.0f} KB)",
        "sha256 of the tensors": about.get("sha256", ""),
        **weights.notes(path),
    }
    lines = [f"## {path.name}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {text.replace('|', '/')} |" for name, text in rows.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(write(Path(sys.argv[1]) if sys.argv[1:] else weights.shipped("npsdo", 2).parent))
