"""The flags that every scene understands."""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from fluidsim.errors import said
from fluidsim.grid.grid import MOST_CELLS_A_SIDE
from fluidsim.parsing import (
    Changes,
    DefaultsInHelp,
    OneLineParser,
    change,
    lasting_place,
    place,
    positive,
    tolerance,
    whole,
)
from fluidsim.scene.config import TRANSFERS, RunConfig, check_band
from fluidsim.scene.picture_options import PictureOptions
from fluidsim.store.run_folder import read_config
from solvers import registry


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    default = RunConfig(scene="")
    add = parser.add_argument
    add(
        "--solver",
        type=solver,
        default=default.solver,
        metavar="NAME",
        help="pressure solver, options after a colon: multigrid:sweeps=3",
    )
    add("--dim", type=int, choices=(2, 3), default=default.dim, help="dimensions of the scene")
    add(
        "--resolution",
        type=whole(4, MOST_CELLS_A_SIDE),
        default=default.resolution,
        metavar="CELLS",
        help="cells along the longest side",
    )
    add("--frames", type=whole(1, 10**6), default=default.frames, metavar="N", help="frames")
    add(
        "--frame-seconds",
        type=positive,
        default=None,
        metavar="S",
        help="simulated time between frames (the scene's)",
    )
    add(
        "--rtol",
        type=tolerance,
        default=default.rtol,
        help="relative residual of the pressure solves",
    )
    add(
        "--history",
        type=whole(0, 64),
        default=default.history,
        metavar="N",
        help="start pressure solves from the best combination of the last N pressures (4, while "
        "solids and liquid stay); 0: from the last one",
    )
    add(
        "--transfer",
        choices=TRANSFERS,
        default=None,
        help="how particles of a liquid take velocities from the grid (the scene's)",
    )
    add(
        "--narrow-band",
        type=band,
        default=None,
        metavar="CELLS",
        help="particles of a liquid only so near its surface; 0: everywhere (the scene's)",
    )
    add(
        "--mesh",
        type=lasting_place,
        default=None,
        metavar="FILE",
        help="OBJ, STL, PLY or OFF file, a spline's JSON, or a pattern such as 'body_*.obj' of the "
        "frames of an animation, in place of a bunny or dragon",
    )
    add(
        "--mesh-up",
        choices=("z", "y"),
        default=default.mesh_up,
        help="the axis that points up in that file",
    )
    add(
        "--set",
        type=change,
        action=Changes,
        default=None,
        metavar="NAME=VALUE",
        help="another value of the scene, such as viscosity=0.1; may be given several times",
    )
    add("--device", choices=("cpu", "cuda"), default=default.device, help="where to compute")
    add("--threads", type=whole(1, 1024), default=None, metavar="N", help="CPU threads (all)")
    add("--seed", type=whole(0, 2**31 - 1), default=0, metavar="N", help="of all random numbers")
    add("--out", type=place, default=None, metavar="DIR", help="where the run goes (renders/...)")
    add("--no-render", dest="render", action="store_false", help="no pictures, no video")
    add("--whitewater", action="store_true", help="make spray, foam and bubbles of a liquid")
    add(
        "--record-systems",
        type=whole(0, 10**6),
        default=default.record_systems,
        metavar="N",
        help="store every N-th pressure system of the run; 0: none",
    )
    add(
        "--checkpoint",
        type=whole(0, 10**6),
        default=default.checkpoint,
        metavar="N",
        help="store the state after every N-th frame, to go on from; 0: never",
    )
    add(
        "--resume",
        type=place,
        default=None,
        metavar="RUN_DIR",
        help="go on with a run, or from one of its checkpoints (a file), with the flags it had",
    )
    add("--force", action="store_true", help="start although memory or disk seem too small")
    add_picture_flags(parser)
    add("--debug", action="store_true", help="show the traceback of an error")


def band(text: str) -> int:
    """The width of a narrow band, in cells; 0 for none."""
    try:
        return check_band(whole(0, MOST_CELLS_A_SIDE)(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def solver(text: str) -> str:
    """The name of a solver, which may carry options, checked."""
    if text in registry.available():
        return text  # without loading it
    try:
        registry.create(text, {})
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def file_name(solver: str) -> str:
    """A solver's name as part of the name of a file: with options it may hold what files cannot."""
    return re.sub(r"[^\w.=,-]", "-", solver)


def add_picture_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `PictureOptions`; one that is not given sets nothing."""
    view = parser.add_mutually_exclusive_group()
    for option in dataclasses.fields(PictureOptions):
        told = {name: value for name, value in option.metadata.items() if name != "view"}
        group = view if "view" in option.metadata else parser
        if option.default is True:
            flag, told = f"--no-{option.name}", {**told, "action": "store_false"}
        else:
            flag = f"--{option.name}"
        group.add_argument(flag, dest=option.name, default=argparse.SUPPRESS, **told)


def parse_run(scene: str, argv: Sequence[str] | None, description: str, prog: str) -> RunConfig:
    """The configuration from a command line; exits with 2 and one line when it is wrong.

    With --resume it is that of the stored run, but for flags that do not change its states.
    """
    parser = OneLineParser(
        prog=prog,
        description=description,
        formatter_class=DefaultsInHelp,
    )
    add_run_flags(parser)
    flags = list(sys.argv[1:] if argv is None else argv)
    config = RunConfig(scene=scene, **vars(parser.parse_args(flags)))
    if config.resume is None:
        return config
    if config.out is not None:
        parser.error("--resume writes where the run is; leave out --out")
    try:
        before = read_config(run_folder(config.resume))["config"]
        if before["scene"] != scene:
            raise ValueError(f"it is a run of the scene {before['scene']}")
        if config.orbit is not None or config.camera is not None:
            before = {**before, "orbit": None, "camera": None}
        known = as_flags(before)
        stored = stored_config(before)
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"there is no {error}" if isinstance(error, KeyError) else said(error)
        parser.exit(1, f"error: cannot resume {config.resume}: {what}\n")
    config = RunConfig(scene=scene, **vars(parser.parse_args([*known, *flags])))
    for name, value in stored.identity().items():
        if config.identity()[name] != value:
            flag = f"--{name.replace('_', '-')}"
            parser.error(f"{flag} of the run is {value}; leave it out, or start a new run")
    return config


def stored_config(config: dict[str, Any]) -> RunConfig:
    """A stored configuration. Raises ValueError, KeyError or TypeError if it is none."""
    return RunConfig(scene=config["scene"], **vars(_stored_flags().parse_args(as_flags(config))))


class _Refusing(OneLineParser):
    """Raises ValueError for what is wrong: nobody has typed it."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"config.json is damaged: {message}")


def _stored_flags() -> argparse.ArgumentParser:
    parser = _Refusing(add_help=False, allow_abbrev=False)
    add_run_flags(parser)
    return parser


def run_folder(place: Path) -> Path:
    """The folder of a run, from itself or from one of its checkpoints."""
    return place.parent.parent if place.is_file() else place


def as_flags(config: dict[str, Any]) -> list[str]:
    """The command line of a stored configuration."""
    flags = []
    for name, value in config.items():
        flag = f"--{name.replace('_', '-')}"
        defaults = RunConfig("").as_json()
        if name not in defaults:
            raise ValueError(f"config.json is damaged: {name:.40} is no setting")
        if name == "scene" or value is None or value is defaults[name]:
            continue
        if isinstance(value, bool):
            flags.append(flag if value else f"--no-{name}")
        elif isinstance(value, dict):
            flags += [f"{flag}={key}={item}" for key, item in value.items()]
        elif isinstance(value, list):
            flags.append(f"{flag}={'x'.join(map(str, value))}")
        else:
            flags.append(f"{flag}={value}")
    return flags
