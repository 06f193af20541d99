"""`fluidsim run SCENE`: the same as the scene's script."""

from __future__ import annotations

import argparse

from fluidsim.runs.catalogue import scene_module, scene_names
from fluidsim.runs.run import run


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scene", choices=scene_names(), metavar="SCENE", help="see fluidsim scenes")
    parser.add_argument(
        "flags", nargs=argparse.REMAINDER, help="of the scene: see fluidsim run SCENE --help"
    )


def main(options: argparse.Namespace) -> int:
    build = scene_module(options.scene).build
    return run(build, options.flags, prog=f"fluidsim run {options.scene}")
