"""The frames of a run, one after the other: simulated, stored, drawn, judged, logged."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from fluidsim.errors import SimulationError
from fluidsim.flow.simulation import Simulation
from fluidsim.render.frame import LiquidFrame, SolidGrid
from fluidsim.runs.easel import Draw
from fluidsim.runs.health import Health
from fluidsim.runs.plan import Plan
from fluidsim.runs.progress import Progress
from fluidsim.runs.snapshot import frame_of, solid_grid
from fluidsim.runs.stopping import asked_to_stop, gently
from fluidsim.scene.probes import Gauges, ProbeLog
from fluidsim.store import checkpoint, frames
from fluidsim.store.checkpoint import Checkpoint
from fluidsim.store.paraview import Entry, Indices
from fluidsim.store.run_folder import FrameRecord, RunFolder
from fluidsim.store.systems import SystemRecorder

PROBES = "probes"  # in a checkpoint: lines of probes.csv that are still to be written


class FrameLoop:
    """Takes a simulation from frame to frame and writes the results into the run's folder.

    draw: called with each frame that is stored; None: there are no pictures.
    """

    def __init__(
        self, simulation: Simulation, plan: Plan, folder: RunFolder, draw: Draw | None
    ) -> None:
        config, probes = plan.config, plan.scene.probes
        self.simulation = simulation
        self.plan = plan
        self.config = config
        self.folder = folder
        self.identity = plan.identity()
        self.draw = draw
        self._indices = Indices(folder.path)
        self._solids: SolidGrid | None = None
        self.whitewater = plan.whitewater(folder.path)
        self.health = Health()
        self.frame = 0
        self.recorder = None
        if config.record_systems:
            self.recorder = SystemRecorder(folder.path / "systems", config, simulation)
            simulation.observer = self.recorder
        self.probes = None
        if probes:
            self.probes = ProbeLog(folder.probes, Gauges(probes, simulation), simulation)

    def begin(self) -> None:
        """Prepare the files of a run from time 0."""
        if self.whitewater is not None:
            self.whitewater.prepare([])
        if self.probes is not None:
            self.probes.begin()

    def go_on_from(self, start: Checkpoint, stored: Sequence[FrameRecord]) -> None:
        """Restore the simulation from a checkpoint; write its frame if it is not in `stored`.

        Raises ValueError when the state does not fit the simulation.
        """
        try:
            self.simulation.restore(start.state)
        except (KeyError, RuntimeError, ValueError) as error:
            raise ValueError(f"the state after frame {start.frame} does not fit: {error}") from None
        self.frame = start.frame
        if self.recorder is not None:
            self.recorder.count = start.systems
        if self.probes is not None:
            self.probes.go_on_from(start.state.get(PROBES))
        if self.whitewater is not None:
            self.whitewater.catch_up([record.frame for record in stored])
        for record in stored:  # to warn of what is new only
            self.health.look(record)
        self._indices.add(*map(Entry.of, stored))
        if len(stored) < start.frame:
            record = FrameRecord.read(start.record)
            self.health.look(record)
            self._write(start.frame)
            self._note(record)

    def run(self, console: Console) -> list[FrameRecord]:
        """Compute the remaining frames; KeyboardInterrupt after a frame if a stop was requested.

        Raises SimulationError when files cannot be written; the state is kept if it can be.
        """
        records = []
        self.simulation.timer.take()
        with gently(), Progress(self.config.frames, self.frame) as progress:
            while self.frame < self.config.frames:
                if asked_to_stop():
                    raise KeyboardInterrupt
                record = self._advance()
                records.append(record)
                progress.advance(record)
                for warning in record.warnings:
                    console.print(f"warning: frame {record.frame}: {warning}", soft_wrap=True)
        return records

    def _advance(self) -> FrameRecord:
        simulation, timer = self.simulation, self.simulation.timer
        report = simulation.advance(self.plan.frame_seconds)
        number = self.frame + 1
        with timer("volume"):
            record = FrameRecord.of(number, simulation, self.config.solver, report)
        try:
            self._write(number)
            record = record.judged(self.health.look(record), timer.take())
            self._note(record)
            self.frame = number
            if self._is_due(number):
                with timer("checkpoint"):
                    self._keep(record)
        except OSError as error:
            raise SimulationError(self._rescue(record, error)) from error
        return record

    def _write(self, number: int) -> None:
        simulation, folder = self.simulation, self.folder.frames
        with simulation.timer("output"):
            moving = bool(simulation.solids.moving)
            if moving or self._solids is None:
                self._solids = solid_grid(simulation)
                if self._solids is not None:
                    frames.save_solids(self._solids, folder, number if moving else None)
            frame = frame_of(simulation, number, self.plan.caption, self._solids)
            frames.save(frame, folder)
            if self.probes is not None:
                self.probes.write()
        if self.whitewater is not None and isinstance(frame, LiquidFrame):
            with simulation.timer("whitewater"):
                frame = self.whitewater.make(frame)
        if self.draw is not None:
            with simulation.timer("render"):
                self.draw(frame)

    def _note(self, record: FrameRecord) -> None:
        """Log a frame that is stored, and add it to the indices."""
        self.folder.write(dataclasses.asdict(record))
        self._indices.add(Entry.of(record))

    def _is_due(self, number: int) -> bool:
        """At every N-th frame, the last one, and before a stop; never with --checkpoint 0."""
        every = self.config.checkpoint
        at_end = number == self.config.frames or asked_to_stop()
        return every > 0 and (at_end or number % every == 0)

    def _keep(self, record: FrameRecord) -> Path:
        count = 0 if self.recorder is None else self.recorder.count
        state = self.simulation.state()
        waiting = None if self.probes is None else self.probes.waiting()
        if waiting is not None:  # they could not be written
            state[PROBES] = waiting
        return checkpoint.save(
            self.folder.checkpoints,
            Checkpoint(record.frame, state, dataclasses.asdict(record), count, self.identity),
        )

    def _rescue(self, record: FrameRecord, error: OSError) -> str:
        """Store the state of a frame that cannot be written, deleting older ones if needed."""
        what = f"cannot write frame {record.frame}: {error}"
        older = checkpoint.stored(self.folder.checkpoints)
        try:
            for path in older[:-1]:
                path.unlink()
            kept = self._keep(record)
            return f"{what}; its state is kept: make room, then go on with --resume {kept}"
        except OSError:
            return f"{what}; make room, then go on with --resume {older[-1]}" if older else what
