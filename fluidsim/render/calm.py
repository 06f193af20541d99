"""Calm water is to look calm, though the particles that it is made of stand unevenly.

What lies inside of a surface is blurred over the cells, by a filter that keeps parabolas, and so
waves of more than eight cells; where it is half inside is a second, smoother surface. Where the
two are nearly the same all around, it is unevenness of the particles that parts them. Edges,
sheets, drops and ripples part them more.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

# Lengths in cells.
_BLUR = 2.0  # deviation of the filter that makes the second surface
_AROUND = 1.5  # deviation of the one that tells how far apart the two are
_SAME, _OTHER = 0.06, 0.15  # apart: all unevenness, none. It is 0.04 in resting liquid
_SLOPE = 0.5  # of the first surface's field where it is zero
_EDGE = 0.25  # field between nodes that are half a cell apart there
_LEAST = 1e-3  # weight of nodes on the surface, below it there is none around
_FLAT = 0.05  # least slope of what is blurred; less is no surface


def calm_surface(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The second surface of a field, and where it is the one to be drawn.

    field: float32, cells, negative inside, on nodes half a cell apart, shape 2 n + 1, or 1 on an
    axis that is not there. Returns float32 on every other node the distance to the second
    surface, cells, reliable where it is less than 1.5, and what part of it is to be drawn, 0 .. 1.
    """
    axes = tuple(axis for axis in range(3) if field.shape[axis] > 1)
    corners = field[tuple(slice(None, None, 2) for _ in range(3))]
    inside = np.clip(field / np.float32(_EDGE), -1, 1)
    for axis in axes:
        inside = _halved(inside, axis)
    once = _blurred(inside, _BLUR, axes)
    level = 2 * once - _blurred(once, _BLUR, axes)
    slope = np.sqrt(sum(np.square(np.gradient(level, axis=axis)) for axis in axes))
    distance = level / np.maximum(slope, np.float32(_FLAT))

    weight = np.maximum(1 - np.abs(corners) / np.float32(_EDGE), 0)  # of nodes on the surface
    apart = np.clip(corners / np.float32(_SLOPE) - distance, -1, 1)
    total = _blurred(weight, _AROUND, axes)
    square = _blurred(weight * apart * apart, _AROUND, axes)
    apart = np.sqrt(np.divide(square, total, out=np.ones_like(total), where=total > _LEAST))
    share = np.clip((_OTHER - apart) / (_OTHER - _SAME), 0, 1)
    return distance, share * share * (3 - 2 * share)


def _halved(nodes: np.ndarray, axis: int) -> np.ndarray:
    """Every other node along an axis, its mean with what is half way to the next; walls reflect."""
    nodes = np.moveaxis(nodes, axis, 0)
    between = nodes[1::2]
    around = np.concatenate([between[:1], between]) + np.concatenate([between, between[-1:]])
    return np.moveaxis(nodes[::2] / 2 + around / 4, 0, axis)


def _blurred(nodes: np.ndarray, deviation: float, axes: tuple[int, ...]) -> np.ndarray:
    return gaussian_filter(nodes, deviation, truncate=2.5, mode="mirror", axes=axes)
