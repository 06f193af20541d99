"""The scenes that are recorded for a training, and the systems of their runs."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from fluidsim.errors import SimulationError
from fluidsim.runs.catalogue import scene_module
from fluidsim.runs.run import run
from fluidsim.runs.stopping import DONE, INTERRUPTED, stopped_after
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


def recordings(
    split: Split, dim: int, sizes: Sequence[int], seed: int, budget: Budget,
    say: Callable[[str], None],
) -> list[StoredSystem]:  # fmt: skip
    """The systems of a split's scenes, from small runs to large ones as long as there is time.

    They stay in renders/npsdo for the next training; a run that was stopped is begun anew.
    """
    root = Path("renders/npsdo/systems") / f"{dim}d" / split.name.lower()
    scenes, frames, every = SCENES[split]
    found = []
    for size in (size for size in sorted(sizes) if size <= MOST_RECORDED):
        for scene in scenes:
            out = root / f"{scene}-{size}"
            if not (out / "done").exists() and budget.for_recording() > 0:
                say(f"recording {scene} at {size} cells")
                shutil.rmtree(out, ignore_errors=True)
                flags = {"dim": dim, "resolution": size, "frames": frames, "seed": seed}
                record(scene, {**flags, "record-systems": every}, out, budget.for_recording())
            if any(out.glob("systems/*.npz")):
                found.append(out)
            else:
                say(f"no time for {scene} at {size} cells")
    return load_recorded(found, dim)


def record(scene: str, flags: dict[str, int], out: Path, seconds: float) -> None:
    """Run a scene for its systems, for so many seconds at most.

    Raises SimulationError with one line when it fails.
    """
    argv = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        build = scene_module(scene).build
        with stopped_after(seconds) as is_over:
            status = run(build, [*argv, "--out", str(out), "--no-render"])
    if status == DONE:
        (out / "done").touch()
    elif status == INTERRUPTED and not is_over():
        raise KeyboardInterrupt
    elif status != INTERRUPTED:
        raise SimulationError(f"recording {scene}: {said.getvalue().strip().splitlines()[-1]}")
