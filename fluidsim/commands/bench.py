"""`fluidsim bench`: solvers timed on the stored systems of a run, or of a comparison."""

from __future__ import annotations

import argparse

import solvers
from fluidsim.files import fresh
from fluidsim.parsing import place, tolerance, whole
from fluidsim.runs.flags import solver
from fluidsim.runs.stopping import guarded


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", type=place, metavar="FOLDER", help="of systems, of a run or of a comparison"
    )
    parser.add_argument(
        "--solvers", nargs="+", type=solver, metavar="NAME", help="(all), as for run --solver"
    )
    parser.add_argument("--rtol", type=tolerance, default=1e-6, help="(1e-6)")
    parser.add_argument("--repeats", type=whole(1, 1000), default=5, help="timed runs (5)")
    parser.add_argument("--no-guess", action="store_true", help="start from zero")
    parser.add_argument(
        "--sort", action="store_true",
        help="each system after one that resembles it, for solvers that learn on the way",
    )  # fmt: skip
    parser.add_argument("--threads", type=whole(1, 1024), default=None, help="CPU threads (all)")
    parser.add_argument(
        "--beside", nargs="+", type=whole(0, 64), metavar="N",
        help="measure beside N busy programs, for each N, instead of writing results",
    )  # fmt: skip
    parser.add_argument("--out", type=place, default=None, help="for results (FOLDER/bench)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    from fluidsim.tools.bench import Settings, run_bench

    settings = Settings(
        options.solvers or solvers.available(), options.rtol, options.repeats,
        not options.no_guess, options.threads, options.sort,
    )  # fmt: skip
    if options.beside is not None:
        from fluidsim.tools.beside import run_beside

        return guarded(lambda: run_beside(options.folder, settings, options.beside), options.debug)
    out = options.out or fresh(options.folder / "bench")
    return guarded(lambda: run_bench(options.folder, settings, out), options.debug)
