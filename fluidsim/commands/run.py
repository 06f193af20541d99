"""`fluidsim run SCENE`: the same as the scene's script."""

from __future__ import annotations

import argparse
import sys

from fluidsim.errors import SimulationError
from fluidsim.runs.catalogue import scene, scene_build
from fluidsim.runs.run import run
from fluidsim.runs.stopping import FAILED


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scene", type=scene, metavar="SCENE", help="a name or a .py file")
    parser.add_argument(
        "flags", nargs=argparse.REMAINDER, help="of the scene: see fluidsim run SCENE --help"
    )


def main(options: argparse.Namespace) -> int:
    try:
        build = scene_build(options.scene)
    except SimulationError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    return run(build, options.flags, prog=f"fluidsim run {options.scene}")
