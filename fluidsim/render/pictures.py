"""From a frame to a picture, and to a file."""

from __future__ import annotations

import os
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from fluidsim.files import replacing
from fluidsim.render import flat, smoke, surface, water
from fluidsim.render.camera import Camera, default_camera
from fluidsim.render.captions import add_caption
from fluidsim.render.frame import Frame, LiquidFrame
from fluidsim.render.liquids import LIQUIDS
from fluidsim.render.panels import in_the_middle
from fluidsim.render.presets import PRESETS
from fluidsim.render.shot import Shot
from fluidsim.render.spray import Spray, separated
from fluidsim.render.style import Style

_PRESET_OF = {"liquid": "studio", "smoke": "dark"}
_PLAIN = Style()
_AIR = 8  # cells of it that are kept above a liquid, more than its surface depends on


def picture(
    frame: Frame,
    size: tuple[int, int] = (1280, 720),
    camera: Camera | None = None,
    style: Style = _PLAIN,
) -> np.ndarray:
    """Draw a frame.

    Parameters
    ----------
    frame : LiquidFrame or SmokeFrame
    size : (width, height)
        In pixels. A 2D picture keeps the aspect of the domain: bars fill the rest.
    camera : Camera, optional
        Of a 3D picture; `default_camera` if None.
    style : Style

    Returns
    -------
    uint8, shape (height, width, 3)
    """
    if len(frame.shape) == 3:
        result = _traced(frame, size, camera, style)
    else:
        result = _flat(frame, size, style)
    if style.caption:
        result = add_caption(result, frame.caption, f"t = {frame.time:.2f} s")
    return in_the_middle(result, size)


def save_picture(path: str | os.PathLike[str], image: np.ndarray) -> Path:
    """Write a picture as PNG; the file appears at `path` only when it is complete.

    Parameters
    ----------
    path : str or PathLike
        Missing folders are made.
    image : uint8, shape (height, width, 3)

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = iio.imwrite("<bytes>", image, plugin="pillow", extension=".png", compress_level=1)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return path


def _liquid(frame: LiquidFrame) -> tuple[surface.Surface, Spray]:
    positions, velocities = frame.positions, frame.velocities
    body, spray = separated(positions, velocities, frame.shape, frame.dx, frame.solids)
    positions = positions.take(body, 0)
    found = surface.liquid_surface(
        positions, velocities.take(body, 0), _wet_part(frame, positions), frame.dx, frame.solids
    )
    return found, spray


def _wet_part(frame: LiquidFrame, positions: np.ndarray) -> tuple[int, ...]:
    """The cells of the domain without most of the air above the liquid, in 3D, where nothing else
    is looked at."""
    *across, up = frame.shape
    others = frame.solids is not None or frame.whitewater is not None
    if len(across) < 2 or others or not len(positions):
        return frame.shape
    top = int(positions[:, -1].max() / frame.dx) + 1
    return (*across, min(up, top + _AIR))


def _traced(frame: Frame, size: tuple[int, int], camera: Camera | None, style: Style) -> np.ndarray:
    large = (size[0] * style.supersample, size[1] * style.supersample)
    camera = camera or default_camera(frame.kind, frame.extent, large[0] / large[1])
    shot = Shot(camera, large, PRESETS[style.preset or _PRESET_OF[frame.kind]])
    if isinstance(frame, LiquidFrame):
        look = LIQUIDS[style.liquid]
        result = water.water_picture(frame, *_liquid(frame), shot, look, style.exposure)
    else:
        result = smoke.smoke_picture(frame, shot, style.open_sides)
    return _reduced(result, style.supersample)


def _flat(frame: Frame, size: tuple[int, int], style: Style) -> np.ndarray:
    if isinstance(frame, LiquidFrame):
        return flat.liquid_picture(frame, *_liquid(frame), size, LIQUIDS[style.liquid])
    return flat.smoke_picture(frame, size)


def _reduced(image: np.ndarray, factor: int) -> np.ndarray:
    """Mean over blocks of factor x factor pixels."""
    if factor == 1:
        return image
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    blocks = image.reshape(rows, factor, columns, factor, 3)
    return (blocks.mean((1, 3)) + 0.5).astype(np.uint8)
