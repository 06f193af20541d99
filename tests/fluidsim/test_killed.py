"""Runs that are killed, with every solver, go on as if nothing had happened.

The commands run in processes forked from one that has only imported the program.
"""

import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import pytest

import solvers
from fluidsim import files
from fluidsim.cli import main
from fluidsim.errors import SimulationError
from fluidsim.runs import loop
from fluidsim.store import checkpoint, frames, vti
from fluidsim.store import paraview as series
from fluidsim.store import run_folder as record
from fluidsim.store.claim import claimed
from fluidsim.store.run_folder import read_log
from fluidsim.store.stored_run import open_run

FRAMES, EVERY = 12, 3
WRITERS = {module.__file__ for module in (checkpoint, files, frames, loop, record, series, vti)}
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["fluidsim.cli"])


@dataclass(frozen=True)
class Run:
    """A scene, its dimension and the solver: 24 cells along the longest side, in 3D 16."""

    solver: str
    dim: int

    @property
    def scene(self) -> str:
        """Liquid and smoke by turns."""
        number = solvers.available().index(self.solver) + self.dim
        return "dam_break" if number % 2 else "smoke_solid"

    @property
    def flags(self) -> list[str]:
        return [
            "--solver", self.solver, "--dim", str(self.dim), "--threads", "1", "--no-render",
            "--resolution", str({2: 24, 3: 16}[self.dim]), "--frames", str(FRAMES),
            "--checkpoint", str(EVERY),
        ]  # fmt: skip

    def start(self, folder: Path) -> list[str]:
        return ["run", self.scene, *self.flags, "--out", str(folder)]

    def resume(self, folder: Path) -> list[str]:
        """What brings the run to its end from what a kill has left."""
        if checkpoint.stored(folder / "checkpoints"):
            return ["run", self.scene, "--resume", str(folder)]
        shutil.rmtree(folder, ignore_errors=True)
        return self.start(folder)


class Lines:
    """Counts the lines that run in the modules which write files; dies by SIGKILL at the last."""

    def __init__(self, last: int | None = None):
        self.count = 0
        self._last = last

    def __call__(self, frame: FrameType, event: str, argument: object):
        if frame.f_code.co_filename not in WRITERS:
            return None
        if event == "line":
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


@contextlib.contextmanager
def traced(lines: Lines) -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(lines)
    try:
        yield
    finally:
        sys.settrace(before)


def command(arguments: list[str], last: int | None) -> None:
    """The body of a process: a command that dies at a line, or comes to its end."""
    with (
        Path(os.devnull).open("w") as nothing,
        contextlib.redirect_stdout(nothing),
        traced(Lines(last)),
    ):
        sys.exit(main(arguments))


def begin(arguments: list[str], last: int | None = None):
    process = CONTEXT.Process(target=command, args=(arguments, last))
    process.start()
    return process


def undisturbed(run: Run, folder: Path) -> int:
    """Runs it to its end; returns the lines that this takes.

    Another process compiles what there is to compile: kernels of npsdo round otherwise there.
    """
    begin(run.start(folder)).join()
    shutil.rmtree(folder)
    lines = Lines()
    with traced(lines):
        assert main(run.start(folder)) == 0
    return lines.count


def wait_for_frames(process, log: Path, count: int) -> None:
    """Until so many frames of a process are in the log."""
    deadline = time.monotonic() + 120
    while len(frame_lines(log)) < count:
        assert process.is_alive() and time.monotonic() < deadline
        time.sleep(0.002)


def frame_lines(log: Path) -> list[dict]:
    """The frames of a log without their times."""
    lines = read_log(log) if log.exists() else []
    return [
        {key: value for key, value in line.items() if key != "seconds"}
        for line in lines
        if "frame" in line
    ]


def check_what_is_left(folder: Path) -> None:
    """Nothing half is taken for whole, and no frame up to the last checkpoint is missing."""
    if not (folder / "config.json").exists():
        return
    kept = checkpoint.stored(folder / "checkpoints")
    assert all(checkpoint.is_whole(path) for path in kept)
    logged = [line["frame"] for line in frame_lines(folder / "log.jsonl")]
    assert logged == list(range(1, len(logged) + 1))
    assert len(logged) >= (int(kept[-1].stem) if kept else 0)
    if logged:
        stored = open_run(folder)
        for number in logged:
            stored.frame(number)


def check_same(one: Path, other: Path) -> None:
    assert frame_lines(one / "log.jsonl") == frame_lines(other / "log.jsonl")
    contents = [
        {path.name: path.read_bytes() for path in (folder / "frames").iterdir()}
        for folder in (one, other)
    ]
    assert contents[0] == contents[1]
    assert checkpoint.choose(one).frame == FRAMES


def kill_at_a_line(run: Run, folder: Path, moments: random.Random, lines: int) -> None:
    """A run that begins or goes on dies at a line of what writes files, out of `lines` of all."""
    kept = checkpoint.stored(folder / "checkpoints")
    left = FRAMES - (int(kept[-1].stem) if kept else 0)
    process = begin(run.resume(folder), last=moments.randrange(1, lines * left // FRAMES))
    process.join()
    assert process.exitcode == -signal.SIGKILL
    check_what_is_left(folder)


def bring_to_its_end(run: Run, folder: Path) -> None:
    process = begin(run.resume(folder))
    process.join()
    assert process.exitcode == 0


def test_killed_at_a_random_line_of_what_writes_files(tmp_path):
    run, moments = Run("multigrid", 2), random.Random(0)
    lines = undisturbed(run, tmp_path / "whole")
    kill_at_a_line(run, tmp_path / "killed", moments, lines)
    bring_to_its_end(run, tmp_path / "killed")
    check_same(tmp_path / "killed", tmp_path / "whole")


RUNS = [Run(solver, dim) for solver in solvers.available() for dim in (2, 3)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "seed"),
    [pytest.param(run, seed, id=f"{run.solver}-{run.dim}d") for seed, run in enumerate(RUNS)],
)
def test_killed_twice_at_random_moments(run, seed, tmp_path):
    """Once from outside, anywhere, and once at a line of what writes files."""
    moments = random.Random(seed)
    lines = undisturbed(run, tmp_path / "whole")
    folder = tmp_path / "killed"
    first = begin(run.start(folder))
    wait_for_frames(first, folder / "log.jsonl", moments.randrange(1, FRAMES - 3))
    with pytest.raises(SimulationError, match="has not ended"), claimed(folder):
        pass
    time.sleep(0.03 * moments.random())
    first.kill()
    first.join()
    assert first.exitcode == -signal.SIGKILL
    check_what_is_left(folder)
    kill_at_a_line(run, folder, moments, lines)
    bring_to_its_end(run, folder)
    check_same(folder, tmp_path / "whole")
