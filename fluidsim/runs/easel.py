"""Drawing the pictures of a run: in the run itself, or in a process on the cores it leaves free."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from fluidsim import taichi_runtime
from fluidsim.errors import SimulationError
from fluidsim.processes import workers
from fluidsim.render import Frame
from fluidsim.runs.drawing import Drawing
from fluidsim.store import frames
from solvers import runtime
from solvers.runtime import Runtime, available_threads

Draw = Callable[[Frame], object]


@contextmanager
def easel(drawing: Drawing | None, folder: Path, machine: Runtime) -> Iterator[Draw | None]:
    """A function that draws stored frames into `folder`; all are drawn when the block ends.

    Where the run has fewer threads than there are cores, a process on the others draws them while
    the next frames are simulated. Raises what drawing raised.
    """
    spare = available_threads() - machine.threads
    if drawing is None:
        yield None
    elif spare < 1:
        yield lambda frame: drawing.save(frame, folder)
    else:
        pictures: list[Future[None]] = []

        def draw(frame: Frame) -> None:
            where = frame.kind, frame.shape, frame.dx, frame.time, frame.caption
            pictures.append(pool.submit(_draw, drawing, folder, frame.number, *where))

        with workers(1, _begin, spare) as pool:
            try:
                yield draw
                for picture in pictures:
                    picture.result()
            except BrokenProcessPool as error:
                raise SimulationError(
                    "the process that draws the pictures was ended from outside, "
                    "maybe for lack of memory; --resume draws what is missing"
                ) from error


def _begin(threads: int) -> None:
    taichi_runtime.start(runtime.configure(threads))


def _draw(drawing: Drawing, folder: Path, number: int, *where) -> None:
    drawing.save(frames.load(folder, number, *where), folder)
