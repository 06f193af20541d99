"""`fluidsim run SCENE`: the same as the scene's script."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fluidsim.errors import SimulationError
from fluidsim.runs.catalogue import description, scene, scene_build
from fluidsim.runs.flags import parse_run
from fluidsim.runs.stopping import FAILED


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scene", type=scene, metavar="SCENE", help="a name or a .py file")
    parser.add_argument(
        "flags", nargs=argparse.REMAINDER, help="of the scene: see fluidsim run SCENE --help"
    )


def main(options: argparse.Namespace) -> int:
    prog = f"fluidsim run {options.scene}"
    # Wrong flags end it here, before anything slow is loaded.
    parse_run(Path(options.scene).stem, options.flags, description(options.scene), prog)
    from fluidsim.runs.run import run

    try:
        build = scene_build(options.scene)
    except SimulationError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    return run(build, options.flags, prog)
