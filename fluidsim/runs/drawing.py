"""The pictures of a run, as its flags ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluidsim import render
from fluidsim.render import Frame
from fluidsim.scene.picture_options import PictureOptions
from fluidsim.scene.view import View


class Drawing:
    """Draws frames of one run; call it with a frame for the picture uint8 (height, width, 3)."""

    def __init__(
        self,
        options: PictureOptions,
        kind: str,
        extent: tuple[float, ...],
        seconds: float,
        view: View,
        open_sides: Sequence[str] = (),
    ):
        """extent: of the domain, m. seconds: length of the run. view: applies where `options` are
        None. open_sides: of the domain.

        Raises ValueError and OSError if the options do not fit the run."""
        self._made_of = options, kind, extent, seconds, view, tuple(open_sides)
        self._style = render.Style(
            preset=options.preset or view.preset,
            liquid=view.liquid,
            open_sides=tuple(open_sides),
            supersample=options.supersample,
            caption=options.caption,
            exposure=options.exposure,
        )
        self._size = options.size
        self._path = self._camera_path()
        if options.exposure and (kind != "liquid" or len(extent) != 3):
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
        options, kind, extent, seconds, view, _ = self._made_of
        degrees, file = options.orbit, options.camera
        if len(extent) != 3:
            if not degrees is file is None:
                raise ValueError("--orbit and --camera are for 3D pictures")
            return None
        if file is not None:
            return render.through_keyframes(file)
        aspect = self._size[0] / self._size[1]
        start = view.camera or render.default_camera(kind, extent, aspect)
        degrees = view.orbit if degrees is None else degrees
        if degrees is not None:
            return render.orbit(start, extent, aspect, degrees, seconds)
        return lambda time: start
