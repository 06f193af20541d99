"""Makes calm water look calm although its particles are spread unevenly.

The inside of the surface is blurred over the cells by a filter that keeps parabolas, and with them
waves longer than eight cells; its half level is a second, smoother surface. It keeps balls, too, of
radii from five cells. Where both surfaces nearly agree all around a place, only the unevenness of
the particles separates them. At edges, sheets, drops and ripples they differ more.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

# Lengths in cells.
_BLUR = 2.0  # standard deviation of the filter that makes the second surface
_AROUND = 1.5  # standard deviation of the mean of how far apart the two are
_SAME, _OTHER = 0.06, 0.15  # so far apart is all, or none, unevenness; liquid at rest: 0.04
_SLOPE = 0.5  # of the first field at its zero level
_EDGE = 0.25  # change of the field there between nodes half a cell apart
_LEAST = 1e-3  # with less weight around, there is no surface nearby
_FLAT = 0.05  # least slope of the blurred field at a surface


def calm_surface(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The second surface of a field, and where to draw it.

    field: float32, in cells, negative inside, on nodes half a cell apart: 2 n + 1 along an axis,
    or 1 along the missing axis of a plane. Returns, float32 on every other node, the distance in
    cells to the second surface, which is reliable up to 1.5, and the part of it to draw, 0 .. 1.
    """
    axes = tuple(axis for axis in range(3) if field.shape[axis] > 1)
    corners = field[tuple(slice(None, None, 2) for _ in range(3))]
    inside = _halved_planes(field, axes[0])
    for axis in axes[1:]:
        inside = _halved(inside, axis)
    distance = _second_surface(inside, axes)
    # Round surfaces shrink. They shrink by as much when the same is done to them again.
    distance = 2 * distance - _second_surface(np.clip(2 * distance, -1, 1), axes)

    weight = np.maximum(1 - np.abs(corners) / np.float32(_EDGE), 0)  # of nodes at the surface
    apart = np.clip(corners / np.float32(_SLOPE) - distance, -1, 1)
    total = _blurred(weight, _AROUND, axes)
    square = _blurred(weight * apart * apart, _AROUND, axes)
    apart = np.sqrt(np.divide(square, total, out=np.ones_like(total), where=total > _LEAST))
    share = np.clip((_OTHER - apart) / (_OTHER - _SAME), 0, 1)
    return distance, share * share * (3 - 2 * share)


def _halved_planes(field: np.ndarray, axis: int) -> np.ndarray:
    """How much is inside, -1 .. 1, `_halved` along an axis: plane by plane, to save memory."""
    planes = np.moveaxis(field, axis, 0)
    shape = list(planes.shape)
    shape[0] = shape[0] // 2 + 1
    result = np.empty(shape, np.float32)
    last = len(planes) - 1
    for number, plane in enumerate(result):
        middle = 2 * number
        near = [planes[k] for k in (abs(middle - 1), middle, last - abs(last - middle - 1))]
        before, at, after = (np.clip(each / np.float32(_EDGE), -1, 1) for each in near)
        plane[:] = at / 2 + (before + after) / 4
    return np.moveaxis(result, 0, axis)


def _second_surface(inside: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The distance in cells to the blurred surface of a field that is -1 inside and 1 outside."""
    once = _blurred(inside, _BLUR, axes)
    level = 2 * once - _blurred(once, _BLUR, axes)
    slope = np.sqrt(sum(np.square(np.gradient(level, axis=axis)) for axis in axes))
    return level / np.maximum(slope, np.float32(_FLAT))


def _halved(nodes: np.ndarray, axis: int) -> np.ndarray:
    """Every other node along an axis, averaged with those between; walls reflect."""
    nodes = np.moveaxis(nodes, axis, 0)
    between = nodes[1::2]
    around = np.concatenate([between[:1], between]) + np.concatenate([between, between[-1:]])
    return np.moveaxis(nodes[::2] / 2 + around / 4, 0, axis)


def _blurred(nodes: np.ndarray, deviation: float, axes: tuple[int, ...]) -> np.ndarray:
    return gaussian_filter(nodes, deviation, truncate=2.5, mode="mirror", axes=axes)
