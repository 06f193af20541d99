"""The configuration of a run, as scenes get it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluidsim.scene.picture_options import PictureOptions

TRANSFERS = ("flip", "apic")
IDENTITY = (
    "scene", "solver", "dim", "resolution", "frame_seconds", "rtol", "transfer", "mesh", "device",
    "seed", "record_systems",
)  # fmt: skip


@dataclass(frozen=True)
class RunConfig(PictureOptions):
    """What the command line of a scene says. Lengths m, times s."""

    scene: str
    solver: str = "multigrid"
    dim: int = 3
    resolution: int = 64
    frames: int = 120
    frame_seconds: float | None = None
    rtol: float = 1e-6
    transfer: str | None = None
    mesh: Path | None = None
    device: str = "cpu"
    threads: int | None = None
    seed: int = 0
    out: Path | None = None
    render: bool = True
    record_systems: int = 0
    checkpoint: int = 10
    resume: Path | None = None
    force: bool = False
    debug: bool = False

    def point(self, x: float, y: float, z: float) -> tuple[float, ...]:
        """A point or vector of the scene; in 2D the scene is its slice along x and z."""
        return (x, z) if self.dim == 2 else (x, y, z)

    def as_json(self) -> dict[str, Any]:
        """The settings that another run like this needs, without where it is written."""
        values = dataclasses.asdict(self)
        for name in ("out", "resume", "force", "debug"):
            del values[name]
        for name in ("mesh", "camera"):
            values[name] = None if values[name] is None else str(values[name])
        return values

    def identity(self) -> dict[str, Any]:
        """The settings that the state after a frame depends on."""
        return {name: value for name, value in self.as_json().items() if name in IDENTITY}
