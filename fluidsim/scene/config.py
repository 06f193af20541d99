"""The configuration of a run, as scenes get it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluidsim.scene.picture_options import PictureOptions

TRANSFERS = ("flip", "apic")
LEAST_BAND = 3  # cells: liquid moves as far in a step
IDENTITY = (
    "scene", "solver", "dim", "resolution", "frame_seconds", "rtol", "history", "transfer",
    "narrow_band", "mesh", "device", "seed", "record_systems", "set",
)  # fmt: skip


def check_band(cells: int) -> int:
    """The width of a narrow band, in cells; raises ValueError if there is no such band."""
    if cells != 0 and cells < LEAST_BAND:
        raise ValueError(f"narrow_band must be 0 or at least {LEAST_BAND} cells, not {cells}")
    return cells


def check_particles(transfer: str, flip: float, narrow_band: int) -> None:
    """Raise ValueError for settings of a liquid's particles that do not exist."""
    if not 0 <= flip <= 1:
        raise ValueError(f"flip must be between 0 and 1, not {flip}")
    if transfer not in TRANSFERS:
        raise ValueError(f"transfer must be {' or '.join(TRANSFERS)}, not {transfer}")
    check_band(narrow_band)


@dataclass(frozen=True)
class RunConfig(PictureOptions):
    """The settings of a run, one for each flag of the command line.

    Parameters
    ----------
    scene : str
        Name of the scene.
    solver : str
        Name of the pressure solver, out of `solvers.available()`.
    dim : int
        2 or 3.
    resolution : int
        Cells along the longest side of the domain.
    frames : int
        Number of frames.
    frame_seconds : float, optional
        Time between frames, s; by default the scene's.
    rtol : float
        Relative residual that every pressure solve must reach.
    history : int, optional
        Start each pressure solve from the best combination of so many earlier pressures, 0 from the
        last one alone; by default of 4 as long as no cell and no face changes.
    transfer : {"flip", "apic"}, optional
        How liquid particles take velocities from the grid; by default the scene's.
    narrow_band : int, optional
        Particles only within so many cells of a liquid's surface, 0 for particles all over it; by
        default the scene's.
    mesh : Path, optional
        File of a mesh in place of the scene's bunny or dragon.
    mesh_up : {"z", "y"}
        The axis that points up in that file.
    set : mapping of str to str, optional
        New values of the scene's fields, by name: see `fluidsim.scene.changes`.
    device : {"cpu", "cuda"}
        Where to compute.
    threads : int, optional
        CPU threads; by default all.
    seed : int
        Of all random numbers.
    out : Path, optional
        Folder of the run; by default a new one below `renders`.
    render : bool
        Whether to draw pictures and a video.
    whitewater : bool
        Whether to make spray, foam and bubbles; by default where the scene's view has numbers.
    record_systems : int
        Store every N-th pressure system; 0 stores none.
    size : tuple of int
        Width and height of the pictures, pixels.
    fps : int, optional
        Frames a second of the video; by default those of real time, or 30 where these are less than
        10 or more than 60.
    preset : str, optional
        Background, floor and light of 3D pictures, "studio" or "dark"; by default the scene's.
    orbit : float, optional
        Degrees that the camera turns over the video; by default the scene's.
    camera : Path, optional
        JSON file of the camera's keyframes.
    exposure : float
        Seconds for which a liquid in 3D moves while it is seen.
    supersample : int
        Trace N x N rays a pixel in 3D.
    caption : bool
        Whether pictures carry text.
    checkpoint : int
        Store the state after every N-th frame; 0 never does.
    resume : Path, optional
        Folder of a run to continue, or one of its checkpoints.
    force : bool
        Start although memory or disk seem too small.
    debug : bool
        Show the traceback of an error.
    """

    scene: str
    solver: str = "multigrid"
    dim: int = 3
    resolution: int = 64
    frames: int = 120
    frame_seconds: float | None = None
    rtol: float = 1e-6
    history: int | None = None
    transfer: str | None = None
    narrow_band: int | None = None
    mesh: Path | None = None
    mesh_up: str = "z"
    set: Mapping[str, str] | None = None
    device: str = "cpu"
    threads: int | None = None
    seed: int = 0
    out: Path | None = None
    render: bool = True
    whitewater: bool = False
    record_systems: int = 0
    checkpoint: int = 10
    resume: Path | None = None
    force: bool = False
    debug: bool = False

    def point(self, x: float, y: float, z: float) -> tuple[float, ...]:
        """Give a point or vector of the scene; in 2D the scene is its slice along x and z.

        Parameters
        ----------
        x, y, z : float
            Coordinates in 3D.

        Returns
        -------
        tuple of float
            (x, y, z) in 3D, (x, z) in 2D.
        """
        return (x, z) if self.dim == 2 else (x, y, z)

    def as_json(self) -> dict[str, Any]:
        """Collect the settings that another run like this needs, without where it is written.

        Returns
        -------
        dict
            The settings by name; paths are text.
        """
        values = dataclasses.asdict(self)
        for name in ("out", "resume", "force", "debug"):
            del values[name]
        for name in ("mesh", "camera"):
            values[name] = None if values[name] is None else str(values[name])
        return values

    def identity(self) -> dict[str, Any]:
        """Collect the settings that the state after a frame depends on.

        Returns
        -------
        dict
            A part of `as_json()`.
        """
        return {name: value for name, value in self.as_json().items() if name in IDENTITY}
