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
        help="surface: .ply meshes; vtp: the same for ParaView; usd: one stage; "
        "vdb: smoke, or a liquid's level set; alembic: one archive",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=place, default=None, help="folder, or file for usd and alembic"
    )
    parser.add_argument("--half", action="store_true", help="vdb with 16 bits a number")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    def write() -> None:
        print(export(options.folder, options.to, options.out, options.half))

    return guarded(write, options.debug)
