"""A stored run, read back: what its folder says, checked, and its frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from fluidsim.errors import SimulationError
from fluidsim.flow.accelerations import gravity_vector
from fluidsim.grid.grid import MOST_CELLS_A_SIDE
from fluidsim.render.frame import Frame
from fluidsim.render.style import Style
from fluidsim.scene.picture_options import PictureOptions
from fluidsim.scene.view import View
from fluidsim.solid.boundary import SIDES
from fluidsim.store import frames
from fluidsim.store.run_folder import read_run

BYTES_A_CELL = 200  # that a frame takes to be drawn


@dataclass(frozen=True)
class StoredRun:
    """folder: of the run. times: s, of each frame, in their order. pictures: how they were made.
    view: what its scene asks for. open_sides: of its domain. gravity: m/s^2."""

    folder: Path
    kind: str
    shape: tuple[int, ...]
    dx: float
    caption: str
    times: dict[int, float]
    pictures: PictureOptions
    view: View
    open_sides: tuple[str, ...]
    gravity: tuple[float, ...]

    def frame(self, number: int) -> Frame:
        """A stored frame.

        Raises SimulationError if it does not exist and ValueError if its files are damaged, each
        with one line, and OSError.
        """
        if number not in self.times:
            raise SimulationError(
                f"{self.folder} has no frame {number}, but {min(self.times)} to {max(self.times)}"
            )
        return frames.load(
            self.folder / "frames", number, self.kind, self.shape, self.dx, self.times[number],
            self.caption,
        )  # fmt: skip

    @property
    def extent(self) -> tuple[float, ...]:
        """Sides of the domain in metres."""
        return tuple(n * self.dx for n in self.shape)

    @property
    def interval(self) -> float:
        """Simulated seconds between frames."""
        last, time = list(self.times.items())[-1]
        return time / last


def open_run(folder: Path) -> StoredRun:
    """Open a run. Raises SimulationError with one line if it is unreadable or has no frames."""
    stored, lines = read_run(folder)
    try:
        run = _checked(folder, stored["grid"], stored["config"], stored.get("scene", {}), lines)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise SimulationError(f"{folder} holds no readable run: {error!r}") from error
    if not run.times:
        raise SimulationError(f"{folder} holds no frame yet")
    return run


def _checked(
    folder: Path, grid: Any, config: Any, scene: Any, lines: list[dict[str, Any]]
) -> StoredRun:
    shape = tuple(_whole(n, MOST_CELLS_A_SIDE) for n in grid["shape"])
    dx, kind = float(grid["dx"]), grid["kind"]
    if len(shape) not in (2, 3) or not 0 < dx < math.inf:
        raise ValueError(f"a grid {shape} of cells of {dx} m")
    if math.prod(shape) * BYTES_A_CELL > psutil.virtual_memory().available:
        raise ValueError(f"a grid {shape} is too large for this machine's memory")
    if kind not in ("liquid", "smoke"):
        raise ValueError(f"a run of {kind}")
    times = {_whole(line["frame"], 10**9): float(line["time"]) for line in lines}
    if not all(0 < time < math.inf for time in times.values()):
        raise ValueError("times that are none")
    caption = str(grid["caption"])
    view, open_sides = View.of(scene.get("view")), tuple(scene.get("open_sides", ()))
    if not set(open_sides) <= set(SIDES):
        raise ValueError(f"open sides {open_sides!r:.60}")
    gravity = gravity_vector(scene.get("gravity", 9.81), len(shape))
    if not all(math.isfinite(float(part)) for part in gravity):
        raise ValueError(f"a gravity of {gravity!r:.60}")
    pictures = _pictures(config)
    return StoredRun(
        folder, kind, shape, dx, caption, times, pictures, view, open_sides, tuple(gravity)
    )


def _pictures(config: Any) -> PictureOptions:
    """The picture options in a run's configuration."""
    width, height = (_whole(n, 8192) for n in config["size"])
    orbit, camera, preset = (config[name] for name in ("orbit", "camera", "preset"))
    Style(preset=preset)  # which refuses unknown names
    return PictureOptions(
        size=(width, height),
        fps=None if config["fps"] is None else _whole(config["fps"], 240),
        preset=preset,
        orbit=None if orbit is None else float(orbit),
        camera=None if camera is None else Path(camera),
        exposure=_exposure(config.get("exposure", 0.0)),
        supersample=_whole(config["supersample"], 8),
        caption=config["caption"] is True,
    )


def _exposure(value: Any) -> float:
    if not 0 <= float(value) <= 1:
        raise ValueError(f"{value!r:.40} is no exposure from 0 to 1 s")
    return float(value)


def _whole(value: Any, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"{value!r:.40} is no whole number from 1 to {most}")
    return value
