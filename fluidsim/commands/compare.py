"""`fluidsim compare SCENE`: one scene, its systems to all solvers, a report."""

from __future__ import annotations

import argparse
from pathlib import Path

import solvers
from fluidsim.parsing import whole
from fluidsim.runs.catalogue import scene_module, scene_names
from fluidsim.runs.flags import parse_run, solver
from fluidsim.runs.stopping import guarded
from fluidsim.tools.compare import compare


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "All other flags are those of the scene: see fluidsim run SCENE --help."
    parser.add_argument("scene", choices=scene_names())
    parser.add_argument("--solvers", nargs="+", type=solver, default=None, metavar="NAME")
    parser.add_argument("--every", type=whole(1, 10**6), default=10, help="store each N-th system")
    parser.add_argument("--repeats", type=whole(1, 1000), default=5)
    parser.add_argument(
        "--independent", action="store_true", help="run the scene with each solver, side by side"
    )
    parser.add_argument("--out", type=Path, default=None, help="(renders/compare-SCENE)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    build = scene_module(options.scene).build
    parse_run(options.scene, options.rest, "", "fluidsim compare")  # wrong flags end it here
    return guarded(
        lambda: compare(
            build, options.scene, options.solvers or solvers.available(), options.rest,
            options.every, options.repeats, options.independent,
            options.out or Path("renders") / f"compare-{options.scene}",
        ),
        options.debug,
    )  # fmt: skip
