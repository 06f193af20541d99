"""The pictures of a run, drawn by the workers of a cluster, a frame at a time each."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dask.utils import format_bytes
from distributed import CancelledError, Client, as_completed

from fluidsim import taichi_runtime
from fluidsim.cluster.workers import (
    MEMORY,
    TURN,
    Crew,
    Place,
    cluster_at,
    crew_of,
    memory_of,
    threads_of,
)
from fluidsim.errors import SimulationError
from fluidsim.runs.drawing import Drawing
from fluidsim.runs.stopping import asked_to_stop
from fluidsim.store.stored_run import BYTES_A_CELL, StoredRun
from solvers import runtime

BYTES_OF_LIBRARIES = 2**30


def draw_all(
    drawing: Drawing, stored: StoredRun, numbers: Sequence[int], out: Path, place: Place,
    step: Callable[[], None],
) -> None:  # fmt: skip
    """Draw frames of a run into a folder.

    step: is called after each. Raises SimulationError with one line, what drawing raises, and
    KeyboardInterrupt after a signal to stop.
    """
    stored = dataclasses.replace(stored, folder=stored.folder.absolute())
    least = BYTES_OF_LIBRARIES + BYTES_A_CELL * math.prod(stored.shape)
    with _workers(least, len(numbers), place) as (client, threads):
        pictures = [
            client.submit(
                _draw, drawing, stored, number, out.absolute(), threads,
                pure=False, resources={TURN: 1, MEMORY: least},
            )
            for number in numbers
        ]  # fmt: skip
        try:
            for picture in as_completed(pictures):
                if asked_to_stop():
                    raise KeyboardInterrupt  # what the signal raised was lost in the library
                picture.result()
                step()
        except CancelledError as error:
            raise SimulationError(
                f"the scheduler at {place.cluster} is gone; the same command draws all again"
            ) from error


def _draw(drawing: Drawing, stored: StoredRun, number: int, out: Path, threads: int) -> None:
    taichi_runtime.start(runtime.configure(threads))
    drawing.save(stored.frame(number), out)


@contextmanager
def _workers(least: float, pictures: int, place: Place) -> Iterator[tuple[Client, int]]:
    """The client of workers, and the threads of each. least: bytes that one of them needs."""
    if place.cluster is not None:
        with cluster_at(place.cluster) as client:
            _check_memory(least, max(memory_of(client).values()))
            yield client, place.threads or threads_of(client)
        return
    crew = Crew.here(pictures, place.workers, place.threads, least)
    _check_memory(least, crew.memory)
    with crew_of(crew) as client:
        yield client, crew.threads


def _check_memory(least: float, most: float) -> None:
    if least > most:
        raise SimulationError(
            f"a picture needs about {format_bytes(int(least))} of memory and no worker has more "
            f"than {format_bytes(int(most))}; fewer --workers have more each"
        )
