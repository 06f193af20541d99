"""Text on pictures."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

_LIGHT, _DARK = (240, 244, 250), (38, 48, 62)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(path), size)


def add_caption(picture: np.ndarray, left: str, right: str = "") -> np.ndarray:
    """The picture with a title in the upper left corner and smaller text in the upper right one.

    picture: uint8 (rows, columns, 3); it is not changed.
    """
    return _with_texts(picture, [(left, "la", 1.0), (right, "ra", 0.9)])


def add_label(picture: np.ndarray, text: str) -> np.ndarray:
    """The picture with small text in the lower left corner."""
    return _with_texts(picture, [(text, "ld", 1.6)])


def _with_texts(picture: np.ndarray, texts: list[tuple[str, str, float]]) -> np.ndarray:
    """Draw texts (text, anchor as in PIL, relative size) into the corners that the anchors name."""
    canvas = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    margin = 0.016 * picture.shape[0]
    for text, anchor, size in texts:
        x = margin if anchor[0] == "l" else canvas.width - margin
        y = margin if anchor[1] == "a" else canvas.height - margin
        font = _font(max(8, round(0.024 * size * picture.shape[0])))
        edges = draw.textbbox((x, y), text, font, anchor)
        left, upper, right, lower = (int(edge) for edge in edges)
        behind = picture[max(upper, 0) : lower + 1, max(left, 0) : right + 1]
        bright = behind.size > 0 and behind.mean() > 120
        draw.text((x, y), text, font=font, fill=_DARK if bright else _LIGHT, anchor=anchor)
    return np.asarray(canvas)
