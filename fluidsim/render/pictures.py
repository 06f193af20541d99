"""From a frame to a picture, and to a file."""

from __future__ import annotations

import os
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from fluidsim.files import replacing
from fluidsim.render import flat, smoke, surface, water
from fluidsim.render.camera import Camera
from fluidsim.render.captions import add_caption
from fluidsim.render.frame import Frame


def picture(
    frame: Frame,
    size: tuple[int, int] = (1280, 720),
    supersample: int = 1,
    caption: bool = True,
    camera: Camera | None = None,
) -> np.ndarray:
    """The picture uint8 (height, width, 3) of a frame.

    size: width and height; a 3D picture has exactly this size, a 2D one keeps the domain's aspect
    within it (even numbers). supersample: work on a picture so many times larger and average.
    camera: of a 3D picture, `Camera.framing` the domain when None.
    Raises ValueError when the frame lacks what its kind needs.
    """
    if supersample < 1:
        raise ValueError(f"supersample must be at least 1, not {supersample}")
    if len(frame.shape) == 3:
        large = (size[0] * supersample, size[1] * supersample)
        result = _volume_picture(frame, large, camera)
    else:
        result = _flat_picture(frame, size, supersample)
    result = _reduced(result, supersample)
    if caption:
        result = add_caption(result, frame.caption, f"t = {frame.time:.2f} s")
    return result


def save_picture(path: str | os.PathLike[str], image: np.ndarray) -> Path:
    """Write a picture as PNG; the file appears at `path` only when it is complete."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        iio.imwrite(temporary, image, plugin="pillow", extension=".png", compress_level=1)
    return path


def _needed(array: np.ndarray | None, name: str, frame: Frame) -> np.ndarray:
    if array is None:
        raise ValueError(f"frame {frame.number} of kind {frame.kind!r} has no {name}")
    return array


def _surface(frame: Frame) -> surface.Surface:
    return surface.liquid_surface(
        _needed(frame.positions, "positions", frame),
        _needed(frame.velocities, "velocities", frame),
        frame.shape,
        frame.dx,
        frame.solids,
    )


def _volume_picture(frame: Frame, size: tuple[int, int], camera: Camera | None) -> np.ndarray:
    aspect = size[0] / size[1]
    if frame.kind == "liquid":
        camera = camera or Camera.framing(frame.extent, aspect)
        return water.water_picture(_surface(frame), frame.solids, frame.extent, camera, size)
    if frame.kind == "smoke":
        camera = camera or Camera.framing(frame.extent, aspect, direction=smoke.VIEW)
        density = _needed(frame.density, "density", frame)
        return smoke.smoke_picture(density, frame.solids, frame.extent, camera, size)
    raise ValueError(f"kind must be liquid or smoke, not {frame.kind!r}")


def _flat_picture(frame: Frame, size: tuple[int, int], supersample: int) -> np.ndarray:
    if frame.kind == "liquid":
        width, height = flat.fitted(size, frame.extent)
        large = (width * supersample, height * supersample)
        return flat.liquid_picture(_surface(frame), frame.solids, frame.extent, large)
    if frame.kind == "smoke":
        return flat.smoke_picture(
            _needed(frame.density, "density", frame),
            frame.velocity,
            frame.temperature,
            frame.solids,
            frame.dx,
            size,
        )
    raise ValueError(f"kind must be liquid or smoke, not {frame.kind!r}")


def _reduced(image: np.ndarray, factor: int) -> np.ndarray:
    """Mean over blocks of factor x factor pixels."""
    if factor == 1:
        return image
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    blocks = image.reshape(rows, factor, columns, factor, 3)
    return (blocks.mean((1, 3)) + 0.5).astype(np.uint8)
