"""`fluidsim view`: a run in a window, or a technical still."""

from __future__ import annotations

import argparse

from fluidsim.parsing import picture_size, place, whole
from fluidsim.runs.stopping import guarded
from fluidsim.view import WHAT, view


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=place, metavar="RUN_DIR")
    parser.add_argument("--what", choices=list(WHAT), default=None, help="(what suits the run)")
    parser.add_argument("--frame", type=whole(0, 10**9), default=None, help="(the last)")
    parser.add_argument("--save", type=place, default=None, metavar="FILE.png", help="no window")
    parser.add_argument("--size", type=picture_size, default=(1280, 720), metavar="WxH")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    return guarded(
        lambda: view(options.folder, options.what, options.frame, options.save, options.size),
        options.debug,
    )
