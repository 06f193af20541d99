"""`fluidsim render`: the stored frames of a run, drawn again."""

from __future__ import annotations

import argparse
import dataclasses

from fluidsim import taichi_runtime
from fluidsim.parsing import place
from fluidsim.runs.drawing import Drawing
from fluidsim.runs.flags import add_picture_flags
from fluidsim.runs.progress import Progress
from fluidsim.runs.stopping import guarded
from fluidsim.runs.video import make_video
from fluidsim.scene.picture_options import PictureOptions
from fluidsim.store.stored_run import open_run
from solvers import runtime


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=place, metavar="RUN_DIR")
    add_picture_flags(parser)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    return guarded(lambda: _draw_run(options), options.debug)


def _draw_run(options: argparse.Namespace) -> None:
    stored = open_run(options.folder)
    taichi_runtime.start(runtime.configure())
    names = {each.name for each in dataclasses.fields(PictureOptions)}
    given = {name: value for name, value in vars(options).items() if name in names}
    chosen = stored.pictures.changed(given)
    seconds = list(stored.times.values())[-1]
    drawing = Drawing(chosen, stored.kind, stored.extent, seconds, stored.view, stored.open_sides)
    with Progress(len(stored.times)) as progress:
        for number in stored.times:
            drawing.save(stored.frame(number), stored.folder / "frames")
            progress.step()
    print(make_video(stored.folder, list(stored.times), chosen.fps))
