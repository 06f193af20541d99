"""The pictures of a run, as its flags ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fluidsim import render
from fluidsim.render import Frame


class Drawing:
    """Draws frames of one run; call it with a frame for the picture uint8 (height, width, 3)."""

    def __init__(
        self, settings: Mapping[str, Any], kind: str, extent: tuple[float, ...], seconds: float
    ):
        """settings: flags of pictures by name, others are ignored. extent: of the domain, m.
        seconds: length of the run. Raises ValueError and OSError on flags that cannot be."""
        self._options = {
            name: settings[name]
            for name in ("supersample", "caption", "preset", "liquid")
            if name in settings
        }
        self._size = tuple(settings["size"])
        self._path = self._camera_path(settings, kind, extent, seconds)

    def __call__(self, frame: Frame) -> np.ndarray:
        camera = self._path and self._path(frame.time)
        return render.picture(frame, self._size, camera=camera, **self._options)

    def save(self, frame: Frame, folder: Path) -> None:
        """Write the frame's picture beside its data."""
        render.save_picture(folder / f"{frame.number:04d}.png", self(frame))

    def _camera_path(
        self, settings: Mapping[str, Any], kind: str, extent: tuple[float, ...], seconds: float
    ) -> render.CameraPath | None:
        degrees, file = settings.get("orbit"), settings.get("camera")
        if len(extent) != 3 and not degrees is file is None:
            raise ValueError("--orbit and --camera are for 3D pictures")
        if file is not None:
            return render.through_keyframes(Path(file))
        if degrees is not None:
            aspect = self._size[0] / self._size[1]
            start = render.default_camera(kind, extent, aspect)
            return render.orbit(start, extent, aspect, degrees, seconds)
        return None
