"""The scenes that are recorded for a training, and the systems of their runs."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fluidsim.errors import SimulationError
from fluidsim.runs.catalogue import scene_module
from fluidsim.runs.run import run
from fluidsim.runs.stopping import DONE, INTERRUPTED, stopped_after
from fluidsim.store.run_folder import read_config
from fluidsim.tools.budget import Budget
from solvers.npsdo.data import Split, load_recorded
from solvers.storage import StoredSystem

# Which scenes are recorded for what: frames, and every how many steps a system is stored.
SCENES = {
    Split.TRAINING: (("dam_break", "smoke_plume", "water_drop"), 50, 12),
    Split.VALIDATION: (("stirred_tank",), 40, 20),
    Split.TEST: (("smoke_solid",), 40, 20),
}
# Scenes are recorded at the sizes that are judged, up to this one.
MOST_RECORDED = 256
PLACE = Path("renders/npsdo/systems")  # where recordings stay for the next training


@dataclass(frozen=True)
class Recording:
    """A run for its systems: of a scene, by flags, in a folder."""

    scene: str
    flags: Sequence[str]
    out: Path

    @property
    def name(self) -> str:
        """Such as training/dam_break-64-seed-0."""
        return f"{self.out.parent.name}/{self.out.name}"

    @property
    def is_done(self) -> bool:
        try:
            return read_config(self.out).get("status") == "done"
        except (OSError, ValueError):
            return False


Say = Callable[[str], None]
Record = Callable[[Sequence[Recording], Budget, Say], None]  # makes those that are not done


def planned(
    split: Split, dim: int, sizes: Sequence[int], seed: int, threads: int | None
) -> list[Recording]:
    """What a split records, from small runs to large ones. threads: of each run, None: all."""
    scenes, frames, every = SCENES[split]
    flags = {"dim": dim, "frames": frames, "seed": seed, "record-systems": every}
    if threads is not None:
        flags["threads"] = threads
    place = PLACE / f"{dim}d" / split.name.lower()
    return [
        Recording(
            scene, as_words({**flags, "resolution": size}), place / f"{scene}-{size}-seed-{seed}"
        )
        for size in sorted(sizes)
        if size <= MOST_RECORDED
        for scene in scenes
    ]


def as_words(flags: dict[str, int]) -> list[str]:
    """The flags of a run that is not drawn."""
    return [*(f"--{name}={value}" for name, value in flags.items()), "--no-render"]


def record_here(recordings: Sequence[Recording], budget: Budget, say: Say) -> None:
    """Make the recordings that are not done one after the other, as long as there is time.

    One that was stopped is begun anew.
    """
    for each in recordings:
        if not each.is_done and budget.for_recording() > 0:
            say(f"recording {each.name}")
            shutil.rmtree(each.out, ignore_errors=True)
            record(each, budget.for_recording())


def record(recording: Recording, seconds: float) -> None:
    """Run a scene for its systems, for so many seconds at most.

    Raises SimulationError with one line when it fails.
    """
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        build = scene_module(recording.scene).build
        with stopped_after(seconds) as is_over:
            status = run(build, [*recording.flags, "--out", str(recording.out)])
    if status == INTERRUPTED and not is_over():
        raise KeyboardInterrupt
    if status not in (DONE, INTERRUPTED):
        last = said.getvalue().strip().splitlines()[-1]
        raise SimulationError(f"recording {recording.name}: {last}")


def systems_of(recordings: Sequence[Recording], dim: int, say: Say) -> list[StoredSystem]:
    """The systems of the recordings; says for which there was no time."""
    found = []
    for each in recordings:
        if any(each.out.glob("systems/*.npz")):
            found.append(each.out)
        else:
            say(f"no time for {each.name}")
    return load_recorded(found, dim)
