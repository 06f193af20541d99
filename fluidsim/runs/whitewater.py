"""The whitewater of a run: frame by frame as it goes, or afterwards from its stored frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fluidsim.render.frame import LiquidFrame, WhitewaterParticles
from fluidsim.store import whitewater as files
from fluidsim.store.stored_run import StoredRun, open_run
from fluidsim.whitewater.advance import Around, advance
from fluidsim.whitewater.flow import Flow, flow_of
from fluidsim.whitewater.numbers import Whitewater


@dataclass(frozen=True)
class _Made:
    """The whitewater of a frame that is stored, and the frame's flow."""

    frame: int
    particles: WhitewaterParticles
    flow: Flow


class WhitewaterMaker:
    """Makes and stores the whitewater of the frames of a run, each from that of the one before.

    It reads what it needs of earlier frames from the run's folder, so that it may begin anywhere.
    """

    def __init__(self, folder: Path, around: Around, numbers: Whitewater):
        self._folder = folder
        self._around = around
        self._numbers = numbers
        self._last: _Made | None = None
        self._run: StoredRun | None = None  # opened where a frame is to be read back

    def prepare(self, frames: Sequence[int]) -> int:
        """The last of the stored `frames`, from the first on, that has whitewater by the same
        numbers; 0 if none. What else is there is deleted. Raises OSError."""
        made_by = {
            "numbers": dataclasses.asdict(self._numbers), "around": dataclasses.asdict(self._around)
        }  # fmt: skip
        return files.prepare(self._folder, made_by, frames)

    def catch_up(self, frames: Sequence[int], step: Callable[[], object] = lambda: None) -> None:
        """Make the whitewater that stored `frames`, from the first on, lack; `step` is called for
        each when it has its own. Raises as `make`."""
        done = self.prepare(frames)
        for number in frames:
            if number > done:
                self.make(self._stored(number))
            step()

    def make(self, frame: LiquidFrame) -> LiquidFrame:
        """A frame with its whitewater, which is stored; frames before it must have theirs.

        Raises OSError, and SimulationError or ValueError with one line if a file is damaged.
        """
        flow = flow_of(frame)
        if frame.number == 1:
            particles = WhitewaterParticles.none(len(frame.shape))
        else:
            before = self._before(frame.number)
            particles = advance(
                before.particles, before.flow, flow, frame.number, self._around, self._numbers
            )
        files.write(files.path_of(self._folder, frame.number), particles)
        self._last = _Made(frame.number, particles, flow)
        return dataclasses.replace(frame, whitewater=particles)

    def _before(self, number: int) -> _Made:
        """The frame before one, read back if it is not the last that was made."""
        if self._last is None or self._last.frame != number - 1:
            stored = self._stored(number - 1)
            assert stored.whitewater is not None
            self._last = _Made(number - 1, stored.whitewater, flow_of(stored))
        return self._last

    def _stored(self, number: int) -> LiquidFrame:
        self._run = self._run or open_run(self._folder)
        frame = self._run.frame(number)
        assert isinstance(frame, LiquidFrame)
        return frame


def make_whitewater(run: StoredRun, numbers: Whitewater, step: Callable[[], object]) -> None:
    """Make what whitewater the stored frames of a run lack, by these numbers.

    step: called for each frame when it has its whitewater. Raises ValueError with one line for
    smoke, and as `WhitewaterMaker.catch_up` does.
    """
    check_kind(run.kind)
    maker = WhitewaterMaker(run.folder, Around(run.gravity, run.open_sides), numbers)
    maker.catch_up(list(run.times), step)


def check_kind(kind: str) -> None:
    """Raise ValueError unless frames of this kind can have whitewater."""
    if kind != "liquid":
        raise ValueError("whitewater is for liquids: smoke has none")
