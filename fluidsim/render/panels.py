"""Small pictures of vorticity, pressure and speed beside the main picture of a 2D frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import matplotlib
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from fluidsim.render.captions import add_label
from fluidsim.render.frame import Frame, LiquidFrame
from fluidsim.render.sampling import to_bytes

Size = tuple[int, int]  # width and height

_GAP = 6  # pixels between panels
_LEAST = 12  # pixels: where panels would be smaller there are none
_GAP_COLOUR = 10
_MAPS = {"vorticity": "RdBu_r", "pressure": "viridis", "speed": "magma"}


def fitted(size: Size, extent: tuple[float, ...]) -> Size:
    """The largest even width and height within `size` with the aspect of the domain."""
    scale = min(size[0] / extent[0], size[1] / extent[1])
    width, height = (max(2, 2 * int(side * scale / 2 + 1e-6)) for side in extent[:2])
    return width, height


def panel_fields(frame: Frame) -> dict[str, np.ndarray]:
    """The fields on cells (n0, n1) that the panels of a frame show: in 1/s, Pa and m/s."""
    if isinstance(frame, LiquidFrame):
        velocity = _particle_velocity(frame.positions, frame.velocities, frame.shape, frame.dx)
    else:
        velocity = frame.velocity
    by_x, by_z = np.gradient(velocity[1], axis=0), np.gradient(velocity[0], axis=1)
    fields = {"vorticity": (by_x - by_z) / frame.dx}
    if frame.pressure is not None:
        fields["pressure"] = frame.pressure
    fields["speed"] = np.sqrt((velocity**2).sum(0))
    return fields


def with_panels(
    size: Size,
    extent: tuple[float, ...],
    main: Callable[[Size], np.ndarray],
    fields: Mapping[str, np.ndarray],
    finish: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """The main picture with panels beside it, in a column or a row, within `size`; alone where
    there is no room for them.

    main(size): the main picture; finish(panel): what is drawn over a panel of colours.
    """
    large, small, column = _layout(size, extent, len(fields))
    if min(small) < _LEAST:
        return main(fitted(size, extent))
    picture = main(large)
    panels = []
    for name, field in fields.items():
        panels.append(add_label(dithered(finish(_mapped(field, name, small))), name))
    first, second = (0, 1) if column else (1, 0)
    return _joined([picture, _joined(panels, first)], second)


def dithered(picture: np.ndarray) -> np.ndarray:
    """A picture of values 0 to 255 in bytes, without bands where colours change slowly."""
    return to_bytes((picture / 255).astype(np.float32))


def _layout(size: Size, extent: tuple[float, ...], count: int) -> tuple[Size, Size, bool]:
    """The sizes of the main picture and of a panel, and whether the panels form a column."""
    aspect, gaps = extent[0] / extent[1], (count - 1) * _GAP
    # The panels together are as high (or wide) as the main picture; all together fill the size.
    height = min(size[1], ((size[0] - _GAP) / aspect + gaps / count) / (1 + 1 / count))
    width = min(size[0], ((size[1] - _GAP) * aspect + gaps / count) / (1 + 1 / count))
    column = aspect * height >= width
    main = (aspect * height, height) if column else (width, width / aspect)
    large = fitted((int(main[0]), int(main[1])), extent)
    side = ((large[1] if column else large[0]) - gaps) / count
    small = (aspect * side, side) if column else (side, side / aspect)
    return large, (int(small[0]) // 2 * 2, int(small[1]) // 2 * 2), column


def in_the_middle(picture: np.ndarray, size: Size) -> np.ndarray:
    """A picture, uint8, of just this size, with bars beside or above and below a smaller one."""
    spare = size[1] - picture.shape[0], size[0] - picture.shape[1]
    edges = [(each // 2, each - each // 2) for each in spare]
    return np.pad(picture, (*edges, (0, 0)), constant_values=_GAP_COLOUR)


def _joined(parts: list[np.ndarray], axis: int) -> np.ndarray:
    """Pictures side by side along an axis, with gaps between them, centred across it."""
    across = max(part.shape[1 - axis] for part in parts)
    rows = []
    for part in parts:
        spare = across - part.shape[1 - axis]
        edges = [(0, 0), (0, 0), (0, 0)]
        edges[1 - axis] = (spare // 2, spare - spare // 2)
        rows.append(np.pad(part, edges, constant_values=_GAP_COLOUR))
        shape = (_GAP, across, 3) if axis == 0 else (across, _GAP, 3)
        rows.append(np.full(shape, _GAP_COLOUR, np.uint8))
    return np.concatenate(rows[:-1], axis)


def _mapped(field: np.ndarray, name: str, size: Size) -> np.ndarray:
    """A field in the colours of a map that spans the range of this frame."""
    low, high = np.percentile(field, (0.5, 99.5))
    if name == "vorticity":
        low, high = (-max(-low, high), max(-low, high))
    if name == "speed":
        low = 0.0
    table = 255 * matplotlib.colormaps[_MAPS[name]](np.linspace(0, 1, 1024))[:, :3]
    place = (cells_to_pixels(field, size) - low) * (1023 / max(high - low, 1e-9))
    return table.astype(np.float32)[np.clip(place, 0, 1023).astype(np.int32)]


def _particle_velocity(
    positions: np.ndarray, velocities: np.ndarray, shape: tuple[int, ...], dx: float
) -> np.ndarray:
    """The velocity (2, *shape) on cells, smoothed over a cell and continued into the air."""
    cell = np.clip((positions / np.float32(dx)).astype(np.int32), 0, np.array(shape) - 1)
    key = cell[:, 0] * shape[1] + cell[:, 1]
    sums = [np.bincount(key, weights, shape[0] * shape[1]) for weights in (None, *velocities.T)]
    count, *parts = (
        gaussian_filter(each.reshape(shape).astype(np.float32), 1.0, mode="nearest")
        for each in sums
    )
    return np.stack(parts) / np.maximum(count, 1e-3)


def cells_to_pixels(field: np.ndarray, size: Size) -> np.ndarray:
    """A cell field (n0, n1) as the rows and columns of a picture, smoothly interpolated."""
    return _resized(field, size, (0.0, 0.0, float(field.shape[0]), float(field.shape[1])))


def nodes_to_pixels(field: np.ndarray, size: Size) -> np.ndarray:
    """The same for a field on nodes, the outer ones of which are at the rim of the picture."""
    return _resized(field, size, (0.5, 0.5, field.shape[0] - 0.5, field.shape[1] - 0.5))


def _resized(field: np.ndarray, size: Size, box: tuple[float, float, float, float]) -> np.ndarray:
    upright = np.ascontiguousarray(field.T[::-1], np.float32)
    image = Image.fromarray(upright).resize(size, Image.Resampling.BICUBIC, box=box)
    return np.asarray(image)
