"""PETSc on one and two ranks of MPI beside multigrid on as many threads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from fluidsim.figures.report import machine, markdown, run_fluidsim

RANKS = 1, 2
# Cells a side, systems, and runs for medians. The largest takes 5 GB; smoke would take 12.
SIZES = (64, ("dam", "smoke"), 3), (128, ("dam", "smoke"), 3), (256, ("dam",), 1)


def compared(folder: Path, ranks: int, repeats: int) -> list[dict[str, Any]]:
    """The rows of `python -m solvers.petsc` on the systems of a folder."""
    words = [sys.executable, "-m", "solvers.petsc", str(folder), "--json"]
    start = [_mpiexec(), "-n", str(ranks), *words, "--repeats", str(repeats)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": str(ranks)}
    done = subprocess.run(start, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _mpiexec() -> str:
    """That of this environment, or of the system. Raises ValueError if there is none."""
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    found = shutil.which("mpiexec", path=beside)
    if found is None:
        raise ValueError('there is no mpiexec: pip install "fluidsim-lab[petsc]"')
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table of pairs of rows: multigrid, petsc."""
    lines = [[
        "s to 1e-6, setup + solve (iterations)", "unknowns", "multigrid", "petsc", "times",
        "values anew", "residual", "apart", "MB, multigrid", "MB, petsc",
    ]]  # fmt: skip
    for multigrid, petsc in zip(rows[::2], rows[1::2], strict=True):
        kind, dim, cells = petsc["system"].split("-")
        ranks = petsc["processes"]
        lines.append([
            f"{kind} {cells}^{dim[0]}, {ranks} {'ranks' if ranks > 1 else 'rank'}",
            f"{petsc['unknowns']:,}", _cell(multigrid), _cell(petsc),
            f"{_whole(petsc) / _whole(multigrid):,.0f}", f"{petsc['update_seconds']:,.2f}",
            f"{petsc['relative_residual']:.0e}", f"{petsc['difference']:.0e}",
            _megabytes(multigrid), _megabytes(petsc),
        ])  # fmt: skip
    return markdown(lines)


def _whole(row: dict[str, Any]) -> float:
    return row["setup_seconds"] + row["solve_seconds"]


def _megabytes(row: dict[str, Any]) -> str:
    return " + ".join(f"{grown / 1e6:,.0f}" for grown in row["memory"])


def _cell(row: dict[str, Any]) -> str:
    return f"{row['setup_seconds']:,.2f} + {row['solve_seconds']:,.2f} ({row['iterations']})"


def petsc() -> str:
    """The section `petsc`."""
    rows = []
    for resolution, kinds, repeats in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            size = ["--dim", "3", "--resolution", str(resolution)]
            run_fluidsim("model-systems", folder, *size, "--kinds", *kinds)
            for ranks in RANKS:
                print(f"petsc at {resolution}^3 on {ranks}", flush=True)
                rows += compared(Path(folder), ranks, repeats)
    note = (
        "Medians of 3 runs, at 256^3 one run. `multigrid` has a thread for each rank of `petsc` "
        "and takes turns with it; times: how much longer `petsc` takes. Values anew: the setup "
        "where the matrix has its entries in the same places. Residual: the true one. Apart: the "
        "norm of the difference to the pressure of `multigrid`, over its norm. MB: growth of the "
        f"resident memory of each rank at its peak. Machine: {machine()}."
    )
    return f"{table(rows)}\n\n{note}"
