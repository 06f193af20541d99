# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false
"""Pictures of 2D frames: liquid shaded by depth and speed, smoke by density, panels beside it."""

import numpy as np
import taichi as ti
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter, zoom

from fluidsim.render.arrays import Image, Map, vec3
from fluidsim.render.cells import softened
from fluidsim.render.continued import continued
from fluidsim.render.frame import LiquidFrame, SmokeFrame, SolidGrid
from fluidsim.render.liquids import Colour, LiquidLook
from fluidsim.render.panels import (
    Size,
    cells_to_pixels,
    dithered,
    nodes_to_pixels,
    panel_fields,
    with_panels,
)
from fluidsim.render.redistance import redistanced
from fluidsim.render.specks import draw_specks
from fluidsim.render.spray import Spray
from fluidsim.render.surface import Surface

_FAST = (236.0, 247.0, 252.0)
_AIR, _LOW_AIR = (240.0, 244.0, 248.0), (208.0, 217.0, 227.0)
_NO_VALUE = np.array((176, 187, 200))  # of air, in the panels
_SOLID, _SOLID_EDGE = np.array((205, 104, 54)), np.array((128, 56, 26))


def liquid_picture(
    frame: LiquidFrame, surface: Surface, spray: Spray, size: Size, look: LiquidLook
) -> np.ndarray:
    """Picture uint8 of a liquid within size; surface, spray: of the frame's particles."""
    distance = redistanced(_wet(surface, frame.solids), surface.spacing)

    def finish(panel: np.ndarray) -> np.ndarray:
        small = panel.shape[1::-1]
        pixel = frame.extent[1] / small[1]
        outside = np.clip(0.5 + nodes_to_pixels(distance, small) / pixel, 0, 1)
        return _with_solids(_mix(panel, _NO_VALUE, outside), frame.solids, pixel)

    return with_panels(
        size,
        frame.extent,
        lambda large: _liquid(frame, distance, surface.speed, spray, large, look),
        panel_fields(frame),
        finish,
    )


def smoke_picture(frame: SmokeFrame, size: Size) -> np.ndarray:
    """Picture uint8 of smoke within size."""

    def whole(field: np.ndarray) -> np.ndarray:
        return continued(field, frame.solids, frame.dx)

    def finish(panel: np.ndarray) -> np.ndarray:
        return _with_solids(panel, frame.solids, frame.extent[1] / panel.shape[0])

    return with_panels(
        size,
        frame.extent,
        lambda large: dithered(
            finish(_smoke(whole(frame.density), whole(frame.temperature), large))
        ),
        {name: whole(field) for name, field in panel_fields(frame).items()},
        finish,
    )


def _wet(surface: Surface, solids: SolidGrid | None) -> np.ndarray:
    """The surface's field with solids as liquid, so that water beside them looks deep. A little
    smoothing hides the unevenness of the particles."""
    field = surface.distance
    if solids is not None:
        finer = np.divide(field.shape, solids.distance.shape)
        beside = np.asarray(zoom(solids.distance, tuple(finer), order=1))  # on the same nodes
        field = np.minimum(field, beside + 0.5 * surface.spacing)
    return gaussian_filter(field, 1.0, mode="nearest")


def _liquid(
    frame: LiquidFrame, distance: np.ndarray, speed: np.ndarray, spray: Spray, size: Size,
    look: LiquidLook,
) -> np.ndarray:  # fmt: skip
    height = size[1]
    top = frame.extent[1]
    pixel = top / height  # metres
    below = nodes_to_pixels(distance, size)
    # The speed of a free fall through the domain counts as fast.
    fast = cells_to_pixels(speed, size) / np.float32(np.sqrt(2 * 9.81 * top))
    picture = np.empty((*below.shape, 3), np.float32)
    white = frame.whitewater
    foam = look.foam if white is None else 0.0  # whitewater has foam of its own
    _paint(picture, below, foam * fast, pixel, vec3(*look.shallow), vec3(*look.deep))
    _draw_drops(picture, spray, pixel, look.shallow)
    if white is not None:
        draw_specks(picture, white, frame.dx, pixel)
    return dithered(_with_solids(picture, frame.solids, pixel))


@ti.kernel
def _paint(picture: Image, distance: Map, fast: Map, pixel: float, shallow: vec3, deep: vec3):
    """Liquid in front of air; distance: to the surface, m; fast: speed, 1 is white; pixel: m."""
    rows = picture.shape[0]
    for i, j in ti.ndrange(rows, picture.shape[1]):
        below = -distance[i, j] / pixel
        depth = 1 - ti.exp(-ti.max(below, 0.0) / (0.16 * rows))
        swift = 0.6 * ti.pow(ti.math.clamp(fast[i, j], 0.0, 1.0), 1.5)
        rim = 60 * ti.exp(-((below / ti.max(2.0, 0.005 * rows)) ** 2))
        colour = ti.math.mix(ti.math.mix(shallow, deep, depth), ti.Vector(_FAST), swift) + rim
        air = ti.math.mix(ti.Vector(_AIR), ti.Vector(_LOW_AIR), i / (rows - 1))
        picture[i, j] = ti.math.mix(air, colour, ti.math.clamp(0.5 + below, 0.0, 1.0))


def _draw_drops(picture: np.ndarray, spray: Spray, pixel: float, colour: Colour) -> None:
    """Draw discs of a colour into a picture; pixel: its side in metres."""
    height, width = picture.shape[:2]
    alone = spray.sunk == 0
    for centre, radius in zip(spray.centres[alone], spray.radii[alone] / pixel, strict=True):
        x, y = centre[0] / pixel - 0.5, height - 0.5 - centre[1] / pixel
        reach = radius + 1
        rows = slice(max(int(y - reach), 0), min(int(y + reach) + 2, height))
        columns = slice(max(int(x - reach), 0), min(int(x + reach) + 2, width))
        away = np.hypot(
            np.arange(rows.start, rows.stop)[:, None] - y,
            np.arange(columns.start, columns.stop) - x,
        )
        part = np.clip(radius + 0.5 - away, 0, 1)
        picture[rows, columns] = _mix(picture[rows, columns], colour, part)


def _smoke(density: np.ndarray, temperature: np.ndarray, size: Size) -> np.ndarray:
    """Smoke lit from the upper left on a dark backdrop, warm where it is hot."""
    amount = np.clip(cells_to_pixels(softened(density), size), 0, None)
    soft = gaussian_filter(amount, 0.005 * size[1])
    slope = np.gradient(soft, 1 / size[1])  # per height of the picture
    lit = np.clip(0.80 + 0.022 * (0.6 * slope[1] + 0.8 * slope[0]), 0.35, 1.25)
    smoke = np.array((228, 226, 222)) * lit[..., None]
    hottest = max(float(temperature.max()), 1.0)
    glow = np.clip(cells_to_pixels(temperature, size) / hottest, 0, 1) ** 2
    smoke = _mix(smoke, np.array((255, 176, 96)), 0.45 * glow)
    down = np.linspace(0, 1, size[1])[:, None]
    backdrop = _mix(np.array((18, 24, 38)), np.array((46, 60, 86)), down)
    return _mix(backdrop, smoke, 1 - np.exp(-2.2 * amount))


def _with_solids(picture: np.ndarray, solids: SolidGrid | None, pixel: float) -> np.ndarray:
    """Draw the solids with a soft outline; pixel: its side in metres."""
    if solids is None:
        return picture
    distance = nodes_to_pixels(solids.distance, picture.shape[1::-1]) / pixel
    width = max(1.5, 0.004 * picture.shape[0])
    near = distance < 12 * width
    if not near.any():
        return picture
    spans = (np.flatnonzero(near.any(axis)) for axis in (1, 0))
    window = tuple(slice(span[0], span[-1] + 1) for span in spans)
    distance, around = distance[window], picture[window]
    shadow = 0.35 * np.exp(-np.maximum(distance, 0) / (3 * width))
    edge = np.clip(1 - np.abs(distance + width) / width, 0, 1)
    fill = _mix(_SOLID, _SOLID_EDGE, edge)
    result = picture.copy()
    result[window] = _mix(around * (1 - shadow[..., None]), fill, np.clip(0.5 - distance, 0, 1))
    return result


def _mix(first: ArrayLike, second: ArrayLike, part: np.ndarray) -> np.ndarray:
    """first * (1 - part) + second * part; part: (rows, columns), the others: colours (..., 3)."""
    first, second = np.asarray(first, np.float32), np.asarray(second, np.float32)
    result = np.asarray(part, np.float32)[..., None] * (second - first)
    result += first
    return result
