"""`fluidsim export`: the frames of a run for other programs."""

from __future__ import annotations

import argparse

from fluidsim.export import TARGETS, export
from fluidsim.parsing import place
from fluidsim.runs.stopping import guarded


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=place, metavar="RUN_DIR")
    parser.add_argument(
        "--to", choices=list(TARGETS), required=True,
        help="surface: .ply meshes; vtp: the same for ParaView; usd: one stage",
    )  # fmt: skip
    parser.add_argument("--out", type=place, default=None, help="folder, or file for usd")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    return guarded(lambda: print(export(options.folder, options.to, options.out)), options.debug)
