"""`fluidsim render`: the stored frames of a run, drawn again."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from fluidsim.cluster import require_dask
from fluidsim.errors import SimulationError
from fluidsim.parsing import (
    OneLineParser,
    add_cluster_flags,
    check_cluster_flags,
    frame_range,
    place,
    whole,
)
from fluidsim.runs.flags import add_picture_flags
from fluidsim.runs.stopping import guarded
from fluidsim.scene.picture_options import PictureOptions

if TYPE_CHECKING:
    from fluidsim.runs.drawing import Drawing
    from fluidsim.store.stored_run import StoredRun


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=place, metavar="RUN_DIR")
    parser.add_argument(
        "--out", type=place, default=None, metavar="DIR", help="for pictures and video (RUN_DIR)"
    )
    parser.add_argument(
        "--frames", type=frame_range, default=None, metavar="A:B", help="these alone, with --out"
    )
    parser.add_argument(
        "--threads", type=whole(1, 1024), default=None, metavar="N", help="CPU threads (all)"
    )
    add_cluster_flags(parser, "draw")
    add_picture_flags(parser)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    if options.frames is not None and options.out is None:
        OneLineParser("fluidsim render").error("--frames needs --out: the run keeps its own video")
    check_cluster_flags(options, "fluidsim render")
    return guarded(lambda: _draw_run(options), options.debug)


def _draw_run(options: argparse.Namespace) -> None:
    from fluidsim import taichi_runtime
    from fluidsim.runs.drawing import Drawing
    from fluidsim.runs.progress import Progress
    from fluidsim.runs.video import make_video
    from fluidsim.store.stored_run import open_run
    from solvers import runtime

    stored = open_run(options.folder)
    first, last = options.frames or (None, None)
    numbers = [n for n in stored.times if (first or 0) <= n and (last is None or n <= last)]
    if not numbers:
        least, most = min(stored.times), max(stored.times)
        raise SimulationError(f"{options.folder} has frames {least} to {most}, none of --frames")
    out = options.out or stored.folder
    if out.resolve() != stored.folder.resolve() and (out / "config.json").exists():
        raise SimulationError(f"{out} holds a run of its own; choose another --out")
    names = {each.name for each in dataclasses.fields(PictureOptions)}
    given = {name: value for name, value in vars(options).items() if name in names}
    chosen = stored.pictures.changed(given)
    seconds = list(stored.times.values())[-1]
    drawing = Drawing(chosen, stored.kind, stored.extent, seconds, stored.view, stored.open_sides)
    (out / "frames").mkdir(parents=True, exist_ok=True)
    with Progress(len(numbers)) as progress:
        if options.cluster is not None:
            _draw_on_workers(drawing, stored, numbers, options, progress.step)
        else:
            taichi_runtime.start(runtime.configure(options.threads))
            for number in numbers:
                drawing.save(stored.frame(number), out / "frames")
                progress.step()
    print(make_video(out, numbers, chosen.fps, stored.interval))


def _draw_on_workers(
    drawing: Drawing, stored: StoredRun, numbers: list[int], options: argparse.Namespace,
    step: Callable[[], None],
) -> None:  # fmt: skip
    require_dask()
    from fluidsim.cluster.pictures import draw_all
    from fluidsim.cluster.workers import Place

    place = Place(options.cluster or None, options.workers, options.threads)
    draw_all(drawing, stored, numbers, (options.out or stored.folder) / "frames", place, step)
