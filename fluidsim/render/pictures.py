"""From a frame to a picture, and to a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from fluidsim.files import replacing
from fluidsim.render import flat, smoke, surface, water
from fluidsim.render.camera import Camera
from fluidsim.render.captions import add_caption
from fluidsim.render.frame import Frame
from fluidsim.render.liquids import LIQUIDS, LiquidLook
from fluidsim.render.motion_blur import cell_ways
from fluidsim.render.presets import PRESETS, Preset
from fluidsim.render.spray import Spray, separated

_LOOKS = {"liquid": "studio", "smoke": "dark"}


def picture(
    frame: Frame,
    size: tuple[int, int] = (1280, 720),
    supersample: int = 1,
    caption: bool = True,
    camera: Camera | None = None,
    preset: str | None = None,
    liquid: str = "water",
    open_sides: Sequence[str] = (),
    exposure: float = 0.0,
) -> np.ndarray:
    """The picture uint8 (height, width, 3) of a frame.

    size: width and height; a 3D picture has exactly this size, a 2D one keeps the domain's aspect
    within it (even numbers). supersample: trace a 3D picture so many times larger and average.
    camera: of a 3D picture, `default_camera` when None. preset: its look, one of PRESETS; None:
    studio for liquids, dark for smoke. liquid: what a liquid looks like, one of LIQUIDS.
    open_sides: of the domain, before which smoke in 3D thins out, such as "z+".
    exposure: seconds for which a liquid in 3D moves while it is seen.
    Raises ValueError when the frame lacks what its kind needs.
    """
    if supersample < 1:
        raise ValueError(f"supersample must be at least 1, not {supersample}")
    if len(frame.shape) == 3:
        large = (size[0] * supersample, size[1] * supersample)
        look = PRESETS[preset or _LOOKS.get(frame.kind, "studio")]
        if frame.kind == "liquid":
            shown = _water(frame, large, camera, look, LIQUIDS[liquid], exposure)
        else:
            shown = _smoke(frame, large, camera, look, open_sides)
        result = _reduced(shown, supersample)
    else:
        result = _flat_picture(frame, size, LIQUIDS[liquid])
    if caption:
        result = add_caption(result, frame.caption, f"t = {frame.time:.2f} s")
    return result


def default_camera(kind: str, extent: tuple[float, ...], aspect: float) -> Camera:
    """Where a 3D domain is seen from unless somebody says otherwise: from above, or, for smoke that
    towers, low."""
    if kind == "smoke":
        return Camera.framing(extent, aspect, direction=smoke.VIEW)
    return Camera.framing(extent, aspect)


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


def _particles(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities."""
    positions = _needed(frame.positions, "positions", frame)
    return positions, _needed(frame.velocities, "velocities", frame)


def _liquid(frame: Frame) -> tuple[surface.Surface, Spray]:
    positions, velocities = _particles(frame)
    body, spray = separated(positions, velocities, frame.shape, frame.dx, frame.solids)
    return (
        surface.liquid_surface(
            positions.take(body, 0), velocities.take(body, 0), frame.shape, frame.dx, frame.solids
        ),
        spray,
    )


def _water(
    frame: Frame, size: tuple[int, int], camera: Camera | None, preset: Preset,
    liquid: LiquidLook, exposure: float,
) -> np.ndarray:  # fmt: skip
    camera = camera or default_camera(frame.kind, frame.extent, size[0] / size[1])
    body, spray = _liquid(frame)
    ways = None
    if exposure > 0:
        ways = cell_ways(*_particles(frame), frame.shape, frame.dx, exposure)
    return water.water_picture(
        body, spray, frame.solids, frame.extent, camera, size, preset, liquid, ways
    )


def _smoke(
    frame: Frame, size: tuple[int, int], camera: Camera | None, preset: Preset,
    open_sides: Sequence[str],
) -> np.ndarray:  # fmt: skip
    if frame.kind != "smoke":
        raise ValueError(f"kind must be liquid or smoke, not {frame.kind!r}")
    camera = camera or default_camera(frame.kind, frame.extent, size[0] / size[1])
    density = _needed(frame.density, "density", frame)
    return smoke.smoke_picture(
        density, frame.temperature, frame.solids, frame.extent, camera, size, preset, open_sides
    )


def _flat_picture(frame: Frame, size: tuple[int, int], liquid: LiquidLook) -> np.ndarray:
    if frame.kind == "liquid":
        return flat.liquid_picture(frame, *_liquid(frame), size, liquid)
    if frame.kind == "smoke":
        return flat.smoke_picture(frame, _needed(frame.density, "density", frame), size)
    raise ValueError(f"kind must be liquid or smoke, not {frame.kind!r}")


def _reduced(image: np.ndarray, factor: int) -> np.ndarray:
    """Mean over blocks of factor x factor pixels."""
    if factor == 1:
        return image
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    blocks = image.reshape(rows, factor, columns, factor, 3)
    return (blocks.mean((1, 3)) + 0.5).astype(np.uint8)
