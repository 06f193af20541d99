"""The command `fluidsim`: run, render, compare, bench, verify, and what goes with them."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Sequence

from fluidsim.output import forgiving
from fluidsim.parsing import OneLineParser

COMMANDS = {
    "scenes": "list the scenes, one line each",
    "solvers": "list the pressure solvers, one line each",
    "run": "run a scene: fluidsim run SCENE [its flags]",
    "render": "draw the stored frames of a run again",
    "whitewater": "make spray, foam and bubbles from the stored frames of a run",
    "upres": "refine the smoke of a stored run, with turbulence",
    "export": "write the frames of a run for other programs",
    "view": "look at a run in a window, or save a technical still",
    "sweep": "run a scene with many values, on many workers, into one table",
    "compare": "run a scene, hand its systems to all solvers, write report.html",
    "bench": "time solvers on the stored systems of a run",
    "train": "train the network of a neural preconditioner",
    "verify": "run flows with known answers and write a page about them",
    "model-systems": "store systems of any size for bench, without a simulation",
    "export-system": "write a stored pressure system as Matrix Market files",
}
OF_SCENES = ("compare", "sweep")  # commands that take the flags of a scene beside their own


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit status (see fluidsim.runs.run).

    Only the module of the command that is asked for is imported, so that help is quick.
    """
    with forgiving():
        return _main(argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = OneLineParser(prog="fluidsim", description=__doc__)
    parser.add_argument("--version", action="version", version=f"fluidsim {_version()}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=OneLineParser
    )
    # Where two parsers share a line, none may guess that --solver is short for --solvers.
    parsers = {
        name: commands.add_parser(name, help=line, allow_abbrev=name not in OF_SCENES)
        for name, line in COMMANDS.items()
    }
    name = arguments[0] if arguments else ""
    if name not in parsers:
        parser.parse_args(arguments)
        parser.error(f"{name} is no command")
    command = importlib.import_module(f"fluidsim.commands.{name.replace('-', '_')}")
    parsers[name].description = command.__doc__
    command.add_flags(parsers[name])
    options, rest = parser.parse_known_args(arguments)
    options.rest = rest
    if rest and name not in OF_SCENES:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return command.main(options)


def _version() -> str:
    try:
        return importlib.metadata.version("fluidsim-lab")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"
