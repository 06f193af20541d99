"""The stored run that is refined, and its scene."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fluidsim.errors import SimulationError, said
from fluidsim.grid.grid import MOST_CELLS_A_SIDE
from fluidsim.runs.catalogue import scene_build, scene_names
from fluidsim.runs.flags import stored_config
from fluidsim.runs.plan import Plan
from fluidsim.runs.resuming import plain
from fluidsim.scene.scene import SmokeScene
from fluidsim.store.run_folder import FrameRecord, read_config, read_records
from fluidsim.store.stored_run import StoredRun, open_run
from fluidsim.upres.flow import Refinement


@dataclass(frozen=True)
class Source:
    """stored: the run. scene, plan: what it was made of. records: its log. factor: fine cells in a
    cell. strength: of the turbulence."""

    stored: StoredRun
    scene: SmokeScene
    plan: Plan
    records: list[FrameRecord]
    factor: int
    strength: float

    @property
    def refinement(self) -> Refinement:
        """From the run's grid to the fine one."""
        return Refinement(self.plan.grid, self.factor)

    @property
    def caption(self) -> str:
        """The text on the pictures."""
        fine = "x".join(str(n * self.factor) for n in self.plan.grid.shape)
        return f"{self.plan.config.scene}  {fine}  from {self.plan.cells}"

    def about(self) -> dict[str, Any]:
        """What config.json says of the refined run."""
        about, fine = self.plan.about(), self.refinement.fine
        grid = {**about["grid"], "shape": fine.shape, "dx": fine.dx, "caption": self.caption}
        own = {"run": str(self.stored.folder), "factor": self.factor, "strength": self.strength}
        return plain({**about, "grid": grid, "upres": own})

    def identity(self) -> dict[str, Any]:
        """The part of `about` on which the state after a frame depends."""
        own = {"factor": self.factor, "strength": self.strength}
        return plain({**self.plan.identity(), "upres": own})


def source_of(folder: Path, scene: str | None, factor: int, strength: float) -> Source:
    """The run in a folder.

    scene: a name or a .py file; by default what the run says. Raises SimulationError or ValueError
    with one line if it cannot be refined, and OSError.
    """
    stored = open_run(folder)
    about, records = read_config(folder), read_records(folder / "log.jsonl")
    if stored.kind != "smoke":
        raise SimulationError(f"{folder} is a run of a liquid; only smoke can be refined")
    if "upres" in about:
        raise SimulationError(f"{folder} is refined already; refine the run that it comes from")
    if [each.frame for each in records] != list(range(1, len(records) + 1)):
        raise SimulationError(f"the log of {folder} lacks frames; run it again")
    if factor * max(stored.shape) > MOST_CELLS_A_SIDE:
        raise SimulationError(
            f"{factor * max(stored.shape)} cells along a side are more than {MOST_CELLS_A_SIDE}; "
            "choose a smaller --factor"
        )
    try:
        config = replace(stored_config(about["config"]), frames=len(records))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SimulationError(f"{folder} holds no readable run: {said(error)}") from error
    if scene is None and config.scene not in scene_names():
        raise SimulationError(
            f"{folder} is of the scene {config.scene}, which is none of those that come with the "
            "program; name its file by --scene FILE.py"
        )
    made = scene_build(scene or config.scene)(config)
    if not isinstance(made, SmokeScene):
        raise SimulationError(f"{scene or config.scene} is no scene of smoke")
    plan = Plan.of(made, config)
    if any(plain(plan.about()[part]) != about.get(part) for part in ("scene", "grid")):
        raise SimulationError(
            f"the scene {scene or config.scene} is not that of {folder} any more; run it again"
        )
    if plan.grid.periodic:
        raise SimulationError(f"{folder} is periodic; only smoke between sides can be refined")
    return Source(stored, made, plan, records, factor, strength)
