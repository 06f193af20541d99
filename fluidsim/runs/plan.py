"""What a run does: its scene, its flags, and everything derived from both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluidsim.flow.accelerations import gravity_vector
from fluidsim.flow.simulation import Simulation
from fluidsim.grid.grid import Grid
from fluidsim.runs.drawing import Drawing
from fluidsim.runs.whitewater import WhitewaterMaker, check_kind
from fluidsim.scene.changes import changed
from fluidsim.scene.config import RunConfig
from fluidsim.scene.plain import as_json
from fluidsim.scene.scene import LiquidScene, Scene
from fluidsim.timing import StageTimer
from fluidsim.whitewater.advance import Around
from fluidsim.whitewater.numbers import Whitewater
from solvers.runtime import Runtime


@dataclass(frozen=True)
class Plan:
    """frame_seconds: simulated time between frames, s."""

    scene: Scene
    config: RunConfig
    grid: Grid
    frame_seconds: float

    @classmethod
    def of(cls, scene: Scene, config: RunConfig) -> Plan:
        """Raises ValueError if the scene does not have the dimension or the values that the flags
        ask for, or cannot have whitewater."""
        scene = changed(scene, config.set or {})
        if config.whitewater or scene.view.whitewater is not None:
            check_kind(scene.kind)
        return cls(scene, config, scene.grid(config), config.frame_seconds or scene.frame_seconds)

    @property
    def seconds(self) -> float:
        """Simulated length of the run, s."""
        return self.config.frames * self.frame_seconds

    @property
    def cells(self) -> str:
        """Such as 64x64x64."""
        return "x".join(map(str, self.grid.shape))

    @property
    def caption(self) -> str:
        """The text on the run's pictures: the scene, its cells and the solver."""
        return f"{self.config.scene}  {self.cells}  {self.config.solver}"

    def about(self) -> dict[str, Any]:
        """What config.json says of the run."""
        grid = {
            "kind": self.scene.kind, "shape": self.grid.shape, "dx": self.grid.dx,
            "caption": self.caption,
        }  # fmt: skip
        return {"config": self.config.as_json(), "scene": as_json(self.scene), "grid": grid}

    def identity(self) -> dict[str, Any]:
        """The part of `about` on which the state after a frame depends."""
        about = self.about()
        lasting = {name: value for name, value in about["scene"].items() if name != "view"}
        return {**about, "config": self.config.identity(), "scene": lasting}

    def white_numbers(self) -> Whitewater | None:
        """The numbers by which the run makes whitewater, if it makes some."""
        usual = Whitewater() if self.config.whitewater else None
        return self.scene.view.whitewater or usual

    def whitewater(self, folder: Path) -> WhitewaterMaker | None:
        """What makes the whitewater of the run in a folder, if it has some."""
        scene, numbers = self.scene, self.white_numbers()
        if not isinstance(scene, LiquidScene) or numbers is None:
            return None
        around = Around(gravity_vector(scene.gravity, self.grid.dim), tuple(scene.open_sides))
        return WhitewaterMaker(folder, around, numbers)

    def drawing(self) -> Drawing:
        """How the run is drawn. Raises ValueError and OSError if its flags do not fit."""
        scene = self.scene
        return Drawing(
            self.config.pictures(), scene.kind, self.grid.extent, self.seconds, scene.view,
            scene.open_sides,
        )  # fmt: skip

    def start(self, machine: Runtime) -> Simulation:
        """The simulation at time 0; Taichi must be started."""
        return self.scene.simulate(self.config, machine, StageTimer(machine.device))
