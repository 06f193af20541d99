"""Refining a stored run, frame after frame, into a run folder of its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from rich.console import Console

from fluidsim.errors import SimulationError
from fluidsim.render.frame import SmokeFrame
from fluidsim.runs.progress import Progress
from fluidsim.runs.resuming import plain, whole_records
from fluidsim.runs.stopping import asked_to_stop, gently
from fluidsim.store import checkpoint, frames
from fluidsim.store.checkpoint import Checkpoint
from fluidsim.store.claim import claimed
from fluidsim.store.paraview import Entry, Indices
from fluidsim.store.run_folder import FrameRecord, RunFolder, header, read_config
from fluidsim.timing import StageTimer
from fluidsim.upres.fine_smoke import CPU, FineSmoke
from fluidsim.upres.needs import check_needs
from fluidsim.upres.source import Source, source_of
from solvers import runtime

USUAL = 10  # frames from checkpoint to checkpoint, of a run that has none


def refine(
    folder: Path, scene: str | None, factor: int, strength: float, out: Path | None,
    threads: int | None, force: bool,
) -> None:  # fmt: skip
    """Refine the run in a folder, or go on with it where that was stopped.

    out: where the refined run goes; by default beside the run. Raises SimulationError or ValueError
    with one line, KeyboardInterrupt after a frame if a stop was requested, and OSError.
    """
    console = Console(highlight=False, markup=False)
    machine = runtime.configure(threads)
    source = source_of(folder, scene, factor, strength)
    place = out or folder.with_name(f"{folder.resolve().name}-x{factor}")
    if place.resolve() == folder.resolve():
        raise SimulationError(f"{place} holds the run itself; choose another --out")
    for line in check_needs(source, place, force):
        console.print(line, soft_wrap=True)
    with claimed(place):
        start = _start_of(place, source)
        if start is None:
            target = RunFolder.new(place, source.about())
        else:
            logged = len(whole_records(place, start.frame, "smoke"))
            target = RunFolder.again(place, source.about(), logged, start.frame)
        about = {"config": source.plan.config.as_json(), **header(machine.threads, "cpu")}
        target.write_header(about)
        try:
            _Refining(source, target, start).run(console)
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt)
            target.set_status("interrupted" if stopped else f"failed: {error}")
            if stopped:
                console.print("stopped; the same command goes on", soft_wrap=True)
            raise
        target.set_status("done")
    console.print(f"{place}: fluidsim render {place} draws it", soft_wrap=True)


def _start_of(place: Path, source: Source) -> Checkpoint | None:
    """The state to go on from; None where nothing has begun.

    Raises SimulationError if the folder holds another run, or all of this one.
    """
    if not (place / "config.json").exists():
        return None
    about, ours = read_config(place), source.about()
    if any(about.get(part) != ours[part] for part in ("scene", "grid", "upres")):
        raise SimulationError(f"{place} holds another run; choose another --out")
    last = len(source.records)
    if not checkpoint.stored(place / "checkpoints"):
        return Checkpoint(0, {}, {}, 0, {})
    state = checkpoint.choose(place)
    if state.identity != source.identity():
        raise SimulationError(f"{place} holds another run; choose another --out")
    if state.frame >= last:
        raise SimulationError(f"{place} has its {last} frames; choose another --out to start anew")
    return state


class _Refining:
    """The loop over the frames. start: the state to go on from."""

    def __init__(self, source: Source, target: RunFolder, start: Checkpoint | None) -> None:
        config = source.plan.config
        self.source, self.target = source, target
        self.timer = StageTimer(CPU)
        self.smoke = FineSmoke(source.scene, source.refinement, source.strength, config.seed)
        self.frame = 0 if start is None else start.frame
        self._every = config.checkpoint or USUAL
        self._indices = Indices(target.path)
        self._solids_stored = self.frame > 0
        if start is None or self.frame == 0:
            self.smoke.begin()
            return
        try:
            self.smoke.restore(start.state)
        except (KeyError, RuntimeError, ValueError) as error:
            raise ValueError(f"the state after frame {start.frame} does not fit: {error}") from None
        self._indices.add(*map(Entry.of, target.records()))

    def run(self, console: Console) -> None:
        last = len(self.source.records)
        before = self._stored(self.frame) if self.frame else None
        if self.frame:
            console.print(f"going on after frame {self.frame}")
        with gently(), Progress(last, self.frame) as progress:
            while self.frame < last:
                if asked_to_stop():
                    raise KeyboardInterrupt
                after = self._stored(self.frame + 1)
                with self.timer("upres"):
                    steps = max(1, self.source.records[self.frame].substeps)
                    self.smoke.advance(before or after, after, steps)
                self._write()
                before = after
                progress.step(f"{self.smoke.report.substeps} substeps")

    def _stored(self, number: int) -> SmokeFrame:
        frame = self.source.stored.frame(number)
        assert isinstance(frame, SmokeFrame)
        return frame

    def _write(self) -> None:
        """Store and log the frame that has just ended, and the state if it is due."""
        number, target, smoke = self.frame + 1, self.target, self.smoke
        try:
            with self.timer("output"):
                frame = smoke.frame(number, self.source.caption)
                moving = bool(smoke.solids.moving)
                if frame.solids is not None and (moving or not self._solids_stored):
                    frames.save_solids(frame.solids, target.frames, number if moving else None)
                    self._solids_stored = True
                frames.save(frame, target.frames)
            record = FrameRecord(
                frame=number, time=smoke.time, solver="upres", volume_error=0.0, holes=0,
                particles=0, smoke_mass=smoke.carried.mass(), **dataclasses.asdict(smoke.report),
            ).judged([], self.timer.take())  # fmt: skip
            target.write(dataclasses.asdict(record))
            self._indices.add(Entry.of(record))
            self.frame = number
            at_end = number == len(self.source.records) or asked_to_stop()
            if at_end or number % self._every == 0:
                state = smoke.state(), plain(dataclasses.asdict(record)), 0
                checkpoint.save(
                    target.checkpoints, Checkpoint(number, *state, self.source.identity())
                )
        except OSError as error:
            raise SimulationError(
                f"cannot write frame {number}: {error}; make room, and the same command goes on"
            ) from error
