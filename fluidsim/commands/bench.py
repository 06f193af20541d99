"""`fluidsim bench`: solvers timed on the stored systems of a run."""

from __future__ import annotations

import argparse
from pathlib import Path

import solvers
from fluidsim.parsing import tolerance, whole
from fluidsim.runs.flags import solver
from fluidsim.runs.stopping import guarded
from fluidsim.tools.compare import run_bench


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="SYSTEMS_DIR", help="or the run's folder")
    parser.add_argument("--solvers", nargs="+", type=solver, metavar="NAME")
    parser.add_argument("--rtol", type=tolerance, default=1e-6)
    parser.add_argument("--repeats", type=whole(1, 1000), default=5)
    parser.add_argument("--no-guess", action="store_true", help="start from zero")
    parser.add_argument("--threads", type=whole(1, 1024), default=None)
    parser.add_argument("--out", type=Path, default=None, help="for results (SYSTEMS_DIR/bench)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    names = options.solvers or solvers.available()
    return guarded(
        lambda: run_bench(
            options.folder, names, options.rtol, options.repeats, not options.no_guess,
            options.threads, options.out or options.folder / "bench",
        ),
        options.debug,
    )  # fmt: skip
