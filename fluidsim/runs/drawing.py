"""The pictures of a run, as its flags ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluidsim import render
from fluidsim.render import Frame
from fluidsim.scene.config import RunConfig
from fluidsim.scene.scene import Scene
from fluidsim.scene.view import View

FLAGS = ("size", "supersample", "caption", "exposure", "preset", "orbit", "camera")


class Drawing:
    """Draws frames of one run; call it with a frame for the picture uint8 (height, width, 3)."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        kind: str,
        extent: tuple[float, ...],
        seconds: float,
        view: View,
        open_sides: Sequence[str] = (),
    ):
        """settings: flags of pictures by name, others are ignored. extent: of the domain, m.
        seconds: length of the run. view: holds where flags are None or not there. open_sides: of
        the domain.
        Raises ValueError and OSError on flags that cannot be."""
        flags = {name: value for name, value in settings.items() if name in FLAGS}
        self._made_of = flags, kind, extent, seconds, view, tuple(open_sides)
        chosen = ("supersample", "caption", "exposure")
        self._style = render.Style(
            preset=settings.get("preset") or view.preset,
            liquid=view.liquid,
            open_sides=tuple(open_sides),
            **{name: settings[name] for name in chosen if name in settings},
        )
        self._size = tuple(settings["size"])
        self._path = self._camera_path()
        if settings.get("exposure") and (kind != "liquid" or len(extent) != 3):
            raise ValueError("--exposure is for 3D pictures of liquids")

    def __call__(self, frame: Frame) -> np.ndarray:
        camera = self._path and self._path(frame.time)
        return render.picture(frame, self._size, camera, self._style)

    def __reduce__(self) -> tuple[type[Drawing], tuple[Any, ...]]:
        """It goes to other processes as what it is made of: the camera's path is a function."""
        return Drawing, self._made_of

    def save(self, frame: Frame, folder: Path) -> None:
        """Write the frame's picture beside its data."""
        render.save_picture(folder / f"{frame.number:04d}.png", self(frame))

    def _camera_path(self) -> render.CameraPath | None:
        flags, kind, extent, seconds, view, _ = self._made_of
        degrees, file = flags.get("orbit"), flags.get("camera")
        if len(extent) != 3:
            if not degrees is file is None:
                raise ValueError("--orbit and --camera are for 3D pictures")
            return None
        if file is not None:
            return render.through_keyframes(Path(file))
        aspect = self._size[0] / self._size[1]
        start = view.camera or render.default_camera(kind, extent, aspect)
        degrees = view.orbit if degrees is None else degrees
        if degrees is not None:
            return render.orbit(start, extent, aspect, degrees, seconds)
        return lambda time: start


def drawing_of(scene: Scene, config: RunConfig) -> Drawing:
    """How a run of a scene is drawn; ValueError and OSError where its flags cannot be."""
    grid = scene.grid(config)
    extent = tuple(n * grid.dx for n in grid.shape)
    seconds = config.frames * (config.frame_seconds or scene.frame_seconds)
    return Drawing(config.as_json(), scene.kind, extent, seconds, scene.view, scene.open_sides)


def caption_of(scene: Scene, config: RunConfig) -> str:
    """What stands on a run's pictures: the scene, its cells and the solver."""
    shape = "x".join(map(str, scene.grid(config).shape))
    return f"{config.scene}  {shape}  {config.solver}"
