"""`fluidsim whitewater`: spray, foam and bubbles from the stored frames of a run."""

from __future__ import annotations

import argparse
import dataclasses

from fluidsim.parsing import OneLineParser, place, whole
from fluidsim.runs.stopping import guarded
from fluidsim.whitewater.numbers import Whitewater


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=place, metavar="RUN_DIR")
    for number in dataclasses.fields(Whitewater):
        told = {**number.metadata, "help": f"{number.metadata['help']} (the scene's)"}
        flag = f"--{number.name.replace('_', '-')}"
        parser.add_argument(flag, dest=number.name, default=argparse.SUPPRESS, **told)
    parser.add_argument(
        "--threads", type=whole(1, 1024), default=None, metavar="N", help="CPU threads (all)"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    names = {each.name for each in dataclasses.fields(Whitewater)}
    given = {name: value for name, value in vars(options).items() if name in names}
    try:
        Whitewater(**given)
    except ValueError as error:
        OneLineParser("fluidsim whitewater").error(str(error))
    return guarded(lambda: _make(options, given), options.debug)


def _make(options: argparse.Namespace, given: dict[str, float]) -> None:
    from fluidsim.runs.progress import Progress
    from fluidsim.runs.whitewater import make_whitewater
    from fluidsim.store import whitewater as files
    from fluidsim.store.claim import claimed
    from fluidsim.store.stored_run import open_run
    from solvers import runtime

    run = open_run(options.folder)
    numbers = dataclasses.replace(run.view.whitewater or Whitewater(), **given)
    runtime.configure(options.threads)
    with claimed(run.folder), Progress(len(run.times)) as progress:
        make_whitewater(run, numbers, progress.step)
    _, count = files.check(files.path_of(run.folder, max(run.times)))
    print(
        f"whitewater {run.folder / files.FOLDER}: {count} particles in the last frame\n"
        f"fluidsim render {run.folder} draws it"
    )
