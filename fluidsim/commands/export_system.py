"""`fluidsim export-system`: a stored pressure system as Matrix Market files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import scipy.io

from fluidsim.files import replacing
from fluidsim.parsing import place
from fluidsim.runs.stopping import guarded
from solvers.storage import load_system


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("system", type=place, metavar="SYSTEM.npz")
    parser.add_argument("out", type=place, metavar="OUT.mtx", help="matrix; OUT_rhs.mtx beside it")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    return guarded(lambda: _write_matrix_market(options.system, options.out), options.debug)


def _write_matrix_market(source: Path, out: Path) -> None:
    """Write the matrix on the active cells and its right-hand side, whose mean on each floating
    component is removed."""
    stored = load_system(source)
    system = stored.system
    matrix, _ = system.to_scipy()
    rhs = system.to_unknowns(system.floating.remove_means(stored.rhs * system.active))
    beside = out.with_name(f"{out.stem}_rhs{out.suffix}")
    note = json.dumps(stored.notes)
    for path, value in ((out, matrix), (beside, rhs[:, None])):
        with replacing(path) as temporary, temporary.open("wb") as file:
            scipy.io.mmwrite(file, value, comment=note)
        print(path)
