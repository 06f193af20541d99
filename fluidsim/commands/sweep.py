"""`fluidsim sweep`: the runs of a scene with other values, on many workers, in one table."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from fluidsim.cluster import plan, require_dask
from fluidsim.parsing import OneLineParser, place, whole
from fluidsim.runs.catalogue import scene
from fluidsim.runs.flags import solver
from fluidsim.runs.stopping import guarded

PROG = "fluidsim sweep"


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "All other flags are those of the scene: see fluidsim run SCENE --help."
    parser.add_argument(
        "what", type=scene_or_file, metavar="SCENE", help="its name, its .py file, or a sweep.toml"
    )
    parser.add_argument(
        "--vary", type=varied, action="append", default=[], metavar="NAME=V1,V2",
        help="a flag of the run or a field of the scene; each value goes with each of the others",
    )  # fmt: skip
    parser.add_argument(
        "--solvers", nargs="+", type=solver, metavar="NAME", help="the same for --solver"
    )
    parser.add_argument("--cluster", metavar="ADDRESS", help="of a Dask scheduler (this machine)")
    parser.add_argument(
        "--workers", type=whole(1, 1024), metavar="N", help="on this machine (as many as fit)"
    )
    parser.add_argument("--out", type=place, help="(renders/sweep-SCENE)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def scene_or_file(text: str) -> str:
    """A scene, or a .toml file that is there."""
    if text.endswith(".toml"):
        if not Path(text).is_file():
            raise argparse.ArgumentTypeError(f"there is no file {text}")
        return text
    return scene(text)


def varied(text: str) -> tuple[str, list[str]]:
    """The name and the values of NAME=V1,V2."""
    try:
        return plan.varied(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(options: argparse.Namespace) -> int:
    error = OneLineParser(PROG).error
    if any(word.partition("=")[0] == "--resume" for word in options.rest):
        error("a sweep goes on by itself; leave out --resume")
    if options.cluster is not None and options.workers is not None:
        error("--workers is for this machine; leave it out with --cluster")
    try:
        question = _question(options)
        runs = question.planned(PROG)
    except (OSError, ValueError, argparse.ArgumentTypeError) as wrong:
        error(str(wrong))
    out = options.out or Path("renders") / f"sweep-{Path(options.what).stem}"
    return guarded(lambda: _sweep(runs, out.absolute(), options), options.debug)


def _question(options: argparse.Namespace) -> plan.Question:
    """What the command line asks; its flags and values come after those of a file."""
    found = plan.Question(options.what)
    if options.what.endswith(".toml"):
        found = plan.read(Path(options.what))
        scene(found.scene)  # which refuses unknown ones
    vary = {**found.vary, **_by_name(options.vary)}
    if options.solvers:
        vary["solver"] = options.solvers
    where = str(Path(found.scene).absolute()) if found.scene.endswith(".py") else found.scene
    return plan.Question(where, [*found.flags, *options.rest], vary, found.runs)


def _by_name(varied: Sequence[tuple[str, list[str]]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, more in varied:
        values.setdefault(name, []).extend(more)
    return values


def _sweep(runs: Sequence[plan.Planned], out: Path, options: argparse.Namespace) -> None:
    require_dask()
    from fluidsim.cluster.sweep import sweep
    from fluidsim.cluster.workers import Place

    sweep(runs, out, Place(options.cluster, options.workers), command(options))


def command(options: argparse.Namespace) -> str:
    """The command line that makes the sweep again."""
    words = ["fluidsim", "sweep", options.what]
    for name, values in options.vary:
        words += ["--vary", f"{name}={','.join(values)}"]
    words += ["--solvers", *options.solvers] if options.solvers else []
    words += ["--out", str(options.out)] if options.out else []
    return shlex.join([*words, *options.rest])
