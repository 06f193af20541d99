"""`fluidsim compare SCENE`: one scene, its systems to all solvers, a report."""

from __future__ import annotations

import argparse
from pathlib import Path

import solvers
from fluidsim.files import fresh
from fluidsim.grid.grid import MOST_CELLS_A_SIDE
from fluidsim.parsing import OneLineParser, place, whole
from fluidsim.runs.catalogue import scene, scene_build
from fluidsim.runs.flags import parse_run, solver
from fluidsim.runs.stopping import guarded

PROG = "fluidsim compare"


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "All other flags are those of the scene: see fluidsim run SCENE --help."
    parser.add_argument("scene", type=scene, metavar="SCENE", help="its name or its .py file")
    parser.add_argument(
        "--solvers", nargs="+", type=solver, metavar="NAME", help="(all), as for run --solver"
    )
    parser.add_argument(
        "--resolutions", nargs="+", type=whole(4, MOST_CELLS_A_SIDE), default=[], metavar="CELLS",
        help="run the scene at each, to see how times grow",
    )  # fmt: skip
    parser.add_argument(
        "--every", type=whole(1, 10**6), default=10, help="store each N-th system (10)"
    )
    parser.add_argument("--repeats", type=whole(1, 1000), default=5, help="timed runs (5)")
    parser.add_argument(
        "--independent", action="store_true", help="run the scene with each solver, side by side"
    )
    parser.add_argument("--out", type=place, default=None, help="(renders/compare-SCENE)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    name = Path(options.scene).stem
    if any(word.partition("=")[0] == "--resume" for word in options.rest):
        OneLineParser(PROG).error("a comparison starts its own runs; leave out --resume")
    parse_run(name, options.rest, "", PROG)  # wrong flags end it here
    from fluidsim.tools.compare import Question, compare

    question = Question(
        options.scene, list(dict.fromkeys(options.solvers or solvers.available())), options.rest,
        options.resolutions, options.every, options.repeats, options.independent,
    )  # fmt: skip
    out = options.out or fresh(Path("renders") / f"compare-{name}")
    return guarded(lambda: compare(scene_build(options.scene), question, out), options.debug)
