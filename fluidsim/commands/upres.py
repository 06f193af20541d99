"""`fluidsim upres`: the smoke of a stored run on a finer grid, with turbulence added."""

from __future__ import annotations

import argparse

from fluidsim.parsing import number, place, whole
from fluidsim.runs.catalogue import scene
from fluidsim.runs.stopping import guarded

STRENGTH = 3.0  # chosen by eye: smoke_plume at 40 and 64 cells, three times; campfire


def add_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", type=place, metavar="RUN_DIR")
    add(
        "--factor",
        type=whole(2, 4),
        default=4,
        metavar="N",
        help="fine cells in a cell: 2 to 4 (4)",
    )
    add(
        "--strength", type=strength, default=STRENGTH, metavar="X",
        help=f"of the turbulence; 0: only the stored flow ({STRENGTH})",
    )  # fmt: skip
    add("--out", type=place, default=None, metavar="DIR", help="for the refined run (RUN_DIR-xN)")
    add(
        "--scene", type=scene, default=None, metavar="SCENE",
        help="the run's scene, if it is in a file of its own",
    )  # fmt: skip
    add("--threads", type=whole(1, 1024), default=None, metavar="N", help="CPU threads (all)")
    add("--force", action="store_true", help="start although memory or disk seem too small")
    add("--debug", action="store_true", help="show the traceback of an error")


def strength(text: str) -> float:
    """A number from 0 to 100."""
    value = number(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"must be between 0 and 100, not {text}")
    return value


def main(options: argparse.Namespace) -> int:
    return guarded(lambda: _refine(options), options.debug)


def _refine(options: argparse.Namespace) -> None:
    from fluidsim.upres.refining import refine

    refine(
        options.folder, options.scene, options.factor, options.strength, options.out,
        options.threads, options.force,
    )  # fmt: skip
