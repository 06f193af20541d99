"""Where a run goes on: a checkpoint whose frames are stored, and the pictures that are missing."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluidsim.runs.easel import Draw
from fluidsim.runs.plan import Plan
from fluidsim.scene.picture_options import PictureOptions
from fluidsim.store import checkpoint, frames
from fluidsim.store.checkpoint import Checkpoint
from fluidsim.store.run_folder import FrameRecord, RunFolder, read_config, read_records


@dataclass(frozen=True)
class Start:
    """state: None where the run begins anew. stored: frames before it that are whole."""

    state: Checkpoint | None
    stored: list[FrameRecord]

    @property
    def frame(self) -> int:
        """The last frame that is simulated."""
        return 0 if self.state is None else self.state.frame


def start_of(place: Path, plan: Plan) -> Start:
    """Where the run in a folder, or at one of its checkpoints, goes on.

    Raises ValueError with one line when the state is of another run, when frames before it are
    missing, and when nothing is left to do.
    """
    path = place.parent.parent if place.is_file() else place
    ended = read_config(path).get("status") == "done"
    if path == place and not ended and not checkpoint.stored(path / "checkpoints"):
        return Start(None, [])
    state, last = checkpoint.choose(place), plan.config.frames
    difference = _difference(plain(plan.identity()), state.identity)
    if difference is not None:
        raise ValueError(f"the checkpoint at {place} is of another run: {difference}")
    if state.frame > last or (state.frame == last and ended):
        raise ValueError(f"{place} has its {last} frames; --frames N asks for more")
    return Start(state, whole_records(path, state.frame, plan.scene.kind))


def drop_other_pictures(path: Path, plan: Plan) -> None:
    """Delete the pictures of a run that were drawn by other flags than it now has."""
    now, before = plain(plan.config.as_json()), read_config(path)["config"]
    names = ("whitewater", *(each.name for each in dataclasses.fields(PictureOptions)))
    if any(now[name] != before.get(name) for name in names if name != "fps"):
        for picture in (path / "frames").glob("[0-9]*.png"):
            picture.unlink()


def draw_missing(folder: RunFolder, plan: Plan, draw: Draw) -> int:
    """Draw the stored frames that have no picture; returns how many there are."""
    missing = [
        record
        for record in folder.records()
        if not (folder.frames / frames.name(record.frame, ".png")).exists()
    ]
    grid = plan.grid
    for record in missing:
        about = plan.scene.kind, grid.shape, grid.dx, record.time, plan.caption
        draw(frames.load(folder.frames, record.frame, *about))
    return len(missing)


def whole_records(path: Path, frame: int, kind: str) -> list[FrameRecord]:
    """The records of the whole frames up to a state after `frame`, which itself can be rewritten.

    Raises ValueError with one line if others are missing or damaged.
    """
    records = [each for each in read_records(path / "log.jsonl") if each.frame <= frame]
    what = ""
    for number, record in enumerate(records, start=1):
        try:
            if record.frame != number:
                raise ValueError(f"{path / 'log.jsonl'} lacks frame {number}")
            frames.check(path / "frames", number, kind)
        except ValueError as error:
            records, what = records[: number - 1], str(error)
            break
    if len(records) >= frame - 1:
        return records
    what = what or f"{path / 'log.jsonl'} lacks frame {len(records) + 1}"
    older = [
        each for each in checkpoint.stored(path / "checkpoints")
        if int(each.stem) <= len(records) + 1 and checkpoint.is_whole(each)
    ]  # fmt: skip
    advice = f"go on before it with --resume {older[-1]}" if older else "start the run anew"
    raise ValueError(f"{what}; {advice}")


def plain(value: Any) -> Any:
    """As it is read back from JSON: lists in place of tuples."""
    return json.loads(json.dumps(value))


def _difference(ours: Any, theirs: Any, name: str = "") -> str | None:
    """The first value in which two records differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            found = _difference(ours.get(key), theirs.get(key), f"{name} {key}".strip())
            if found is not None:
                return found
        return None
    return None if ours == theirs else f"{name} is {theirs} there and {ours} here"
