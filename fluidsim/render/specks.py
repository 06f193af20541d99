"""Whitewater in 2D pictures: soft dots, whose colours tell spray, foam and bubbles apart."""

from __future__ import annotations

import math

import numpy as np

from fluidsim.render.frame import BUBBLE, FOAM, SPRAY, WhitewaterParticles

_LOOKS = {  # by kind: radius in cells, colour, opacity
    BUBBLE: (0.13, (176.0, 226.0, 246.0), 0.55),
    FOAM: (0.20, (252.0, 254.0, 255.0), 0.8),
    SPRAY: (0.14, (136.0, 204.0, 234.0), 0.8),
}
_LEAST = 0.8  # pixels: smaller dots are drawn so large, and fainter


def draw_specks(
    picture: np.ndarray, particles: WhitewaterParticles, dx: float, pixel: float
) -> None:
    """Draw dots into a picture (height, width, 3), 0 to 255. pixel: its side in metres."""
    for kind, (radius, colour, opacity) in _LOOKS.items():
        places = particles.positions[particles.kind == kind] / np.float32(pixel)
        radius *= dx / pixel
        opacity *= min(radius / _LEAST, 1) ** 2
        cover = _cover(picture.shape[:2], places, max(radius, _LEAST), opacity)[..., None]
        picture += cover * (np.array(colour, np.float32) - picture)


def _cover(size: tuple[int, ...], places: np.ndarray, radius: float, opacity: float) -> np.ndarray:
    """The part of each pixel that dots hide. places: (n, 2), pixels from the lower left."""
    height, width = size
    columns, rows = places[:, 0] - 0.5, height - 0.5 - places[:, 1]
    first_column, first_row = np.rint(columns).astype(int), np.rint(rows).astype(int)
    clear = np.zeros(height * width)  # the logarithm of what is not hidden
    reach = math.ceil(radius + 0.5)
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            row, column = first_row + down, first_column + right
            away = np.hypot(row - rows, column - columns)
            part = opacity * np.clip(radius + 0.5 - away, 0, 1)
            seen = (part > 0) & (row >= 0) & (row < height) & (column >= 0) & (column < width)
            pixels = row[seen] * width + column[seen]
            clear += np.bincount(pixels, np.log1p(-part[seen]), height * width)
    return (1 - np.exp(clear)).reshape(height, width).astype(np.float32)
