"""Pictures of 2D frames: liquid with depth and speed, smoke as density, vorticity and speed."""

from __future__ import annotations

import matplotlib
import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter

from fluidsim.render.captions import add_label
from fluidsim.render.frame import SolidGrid
from fluidsim.render.surface import Surface

_GAP = 6  # pixels between panels
_SHALLOW, _DEEP = np.array((112, 203, 232)), np.array((13, 66, 130))
_FAST = np.array((236, 247, 252))
_SOLID, _SOLID_EDGE = np.array((205, 104, 54)), np.array((128, 56, 26))


def fitted(size: tuple[int, int], extent: tuple[float, ...]) -> tuple[int, int]:
    """The largest even width and height within `size` that have the aspect of the domain."""
    scale = min(size[0] / extent[0], size[1] / extent[1])
    width, height = (max(2, 2 * round(side * scale / 2)) for side in extent[:2])
    return min(width, size[0] // 2 * 2), min(height, size[1] // 2 * 2)


def liquid_picture(
    surface: Surface, solids: SolidGrid | None, extent: tuple[float, ...], size: tuple[int, int]
) -> np.ndarray:
    """Picture uint8 of liquid in the domain [0, extent]; size: width and height, see `fitted`."""
    height = size[1]
    pixel = extent[1] / height  # metres
    distance = _nodes_to_pixels(surface.distance, size) / pixel
    below = np.asarray(distance_transform_edt(surface.distance < 0), np.float32)  # the surface
    below *= surface.spacing
    depth = gaussian_filter(below, 3.0, mode="nearest")
    depth = 1 - np.exp(-_nodes_to_pixels(depth, size) / (0.16 * extent[1]))
    below = gaussian_filter(below, 1.0, mode="nearest")
    rim = np.exp(-((_nodes_to_pixels(below, size) / pixel / max(2.0, 0.005 * height)) ** 2))
    # Free fall through the domain sets what counts as fast.
    speed = _cells_to_pixels(surface.speed, size) / np.sqrt(2 * 9.81 * extent[1])
    tint = 0.6 * np.clip(speed, 0, 1) ** 1.5

    colour = _mix(_SHALLOW, _DEEP, depth)
    colour = _mix(colour, _FAST, tint) + 60 * rim[..., None]
    down = np.linspace(0, 1, height)[:, None]
    backdrop = _mix(np.array((240, 244, 248)), np.array((208, 217, 227)), down)
    return _finish(_mix(backdrop, colour, np.clip(0.5 - distance, 0, 1)), solids, pixel)


def smoke_picture(
    density: np.ndarray,
    velocity: np.ndarray | None,
    temperature: np.ndarray | None,
    solids: SolidGrid | None,
    dx: float,
    size: tuple[int, int],
) -> np.ndarray:
    """Panels density | vorticity | speed side by side, within size = (width, height).

    Without `velocity` the density alone. Fields are on cells: density and temperature (n0, n1),
    velocity (2, n0, n1) in m/s. Colours of vorticity and speed span the frame's own range.
    """
    count = 1 if velocity is None else 3
    extent = tuple(n * dx for n in density.shape)
    room = ((size[0] - (count - 1) * _GAP) // count, size[1])
    panel = fitted(room, extent)
    pixel = extent[1] / panel[1]
    panels = {"density": _density_panel(density, temperature, panel)}
    if velocity is not None:
        spin = np.gradient(velocity[1], dx, axis=0) - np.gradient(velocity[0], dx, axis=1)
        top = max(float(np.percentile(np.abs(spin), 99)), 1e-6)
        panels["vorticity"] = _mapped(spin, "RdBu_r", -top, top, panel)
        speed = np.sqrt((velocity**2).sum(0))
        top = max(float(np.percentile(speed, 99.8)), 1e-6)
        panels["speed"] = _mapped(speed, "magma", 0.0, top, panel)
    gap = np.full((panel[1], _GAP, 3), 10, np.uint8)
    parts = []
    for name, image in panels.items():
        parts += [add_label(_finish(image, solids, pixel), name), gap]
    return np.hstack(parts[:-1])


def _density_panel(
    density: np.ndarray, temperature: np.ndarray | None, size: tuple[int, int]
) -> np.ndarray:
    """Smoke lit from the upper left on a dark backdrop, warm where it is hot."""
    amount = np.clip(_cells_to_pixels(density, size), 0, None)
    soft = gaussian_filter(amount, 0.005 * size[1])
    slope = np.gradient(soft, 1 / size[1])  # per height of the panel
    lit = np.clip(0.80 + 0.022 * (0.6 * slope[1] + 0.8 * slope[0]), 0.35, 1.25)
    smoke = np.array((228, 226, 222)) * lit[..., None]
    if temperature is not None:
        hottest = max(float(temperature.max()), 1.0)
        glow = np.clip(_cells_to_pixels(temperature, size) / hottest, 0, 1) ** 2
        smoke = _mix(smoke, np.array((255, 176, 96)), 0.45 * glow)
    down = np.linspace(0, 1, size[1])[:, None]
    backdrop = _mix(np.array((18, 24, 38)), np.array((46, 60, 86)), down)
    return _mix(backdrop, smoke, 1 - np.exp(-2.2 * amount))


def _mapped(
    field: np.ndarray, colours: str, low: float, high: float, size: tuple[int, int]
) -> np.ndarray:
    """A cell field through one of matplotlib's colour maps."""
    table = 255 * matplotlib.colormaps[colours](np.linspace(0, 1, 1024))[:, :3]
    place = (_cells_to_pixels(field, size) - low) * (1023 / (high - low))
    return table.astype(np.float32)[np.clip(place, 0, 1023).astype(np.int32)]


def _finish(picture: np.ndarray, solids: SolidGrid | None, pixel: float) -> np.ndarray:
    """Draw the solids with a soft outline and round to uint8; pixel: its side in metres."""
    if solids is not None:
        size = (picture.shape[1], picture.shape[0])
        distance = _nodes_to_pixels(solids.distance, size) / pixel
        width = max(1.5, 0.004 * size[1])
        shadow = 0.35 * np.exp(-np.clip(distance, 0, None) / (3 * width))
        picture = picture * (1 - shadow[..., None])
        edge = np.clip(1 - np.abs(distance + width) / width, 0, 1)
        fill = _mix(_SOLID, _SOLID_EDGE, edge)
        picture = _mix(picture, fill, np.clip(0.5 - distance, 0, 1))
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def _mix(first: np.ndarray, second: np.ndarray, part: np.ndarray) -> np.ndarray:
    """first * (1 - part) + second * part; part (rows, columns) of colours (..., 3)."""
    part = np.asarray(part, np.float32)[..., None]
    return np.asarray(first, np.float32) * (1 - part) + np.asarray(second, np.float32) * part


def _cells_to_pixels(field: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A cell field (n0, n1) as the rows and columns of a picture, smoothly interpolated."""
    return _resized(field, size, (0.0, 0.0, float(field.shape[0]), float(field.shape[1])))


def _nodes_to_pixels(field: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The same for a field on nodes, the outer ones on the picture's rim."""
    return _resized(field, size, (0.5, 0.5, field.shape[0] - 0.5, field.shape[1] - 0.5))


def _resized(
    field: np.ndarray, size: tuple[int, int], box: tuple[float, float, float, float]
) -> np.ndarray:
    upright = np.ascontiguousarray(field.T[::-1], np.float32)
    image = Image.fromarray(upright).resize(size, Image.Resampling.BICUBIC, box=box)
    return np.asarray(image)
