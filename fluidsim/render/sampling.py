"""Which rays a picture needs: one a pixel, more where colours change abruptly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fluidsim.render.camera import Camera
from fluidsim.render.rays import View, vec3

_CONTRAST = 0.06  # between neighbours, of 1: above it a pixel gets more rays
_MOST = 0.05  # part of the pixels that may get them, the ones of most contrast
_MORE = np.array([(0.33, 0.17), (-0.33, 0.30), (0.05, -0.40)], np.float32)  # beside the centre

Tracer = Callable[[np.ndarray, np.ndarray], None]


def view_of(camera: Camera, aspect: float):
    """The camera as the kernels take it."""
    forward, right, up = camera.axes()
    half = np.tan(np.radians(camera.field_of_view) / 2)
    return View(
        eye=vec3(*camera.eye),
        forward=vec3(*forward),
        right=vec3(*(right * half * aspect)),
        up=vec3(*(up * half)),
    )


def trace_picture(trace: Tracer, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """What `trace` sees: colours (height, width, 3) in 0 .. 1, anti-aliased, and distances.

    trace(places, seen) fills seen (n, 4), a colour and the distance along the ray of what is
    hit first, for places (n, 2) on the picture, float32, from (-1, -1) lower left to (1, 1)
    upper right.
    """
    width, height = size
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    seen = _trace(trace, pixels.reshape(-1, 2), size).reshape(height, width, 4)
    picture, distance = np.ascontiguousarray(seen[..., :3]), seen[..., 3]
    edges = _edges(picture)
    chosen = pixels[edges]
    if len(chosen):
        more = (chosen[:, None] + _MORE).reshape(-1, 2)
        colours = _trace(trace, more, size)[:, :3].reshape(len(chosen), len(_MORE), 3)
        picture[edges] = (picture[edges] + colours.sum(1)) / (1 + len(_MORE))
    return picture, distance


def _trace(trace: Tracer, pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What is seen at places (n, 2) in pixels, (n, 4)."""
    places = (2 * pixels + 1) / np.array(size, np.float32) - 1
    places[:, 1] *= -1
    seen = np.empty((len(places), 4), np.float32)
    trace(np.ascontiguousarray(places, np.float32), seen)
    return seen


def _edges(picture: np.ndarray) -> np.ndarray:
    """Pixels (height, width) bool that differ much from a neighbour."""
    contrast = np.zeros(picture.shape[:2], np.float32)
    for axis in (0, 1):
        jump = np.abs(np.diff(picture, axis=axis)).max(-1)
        for side in (slice(1, None), slice(None, -1)):
            part = contrast[side] if axis == 0 else contrast[:, side]
            np.maximum(part, jump, out=part)
    least = int((1 - _MOST) * contrast.size)
    return contrast > max(_CONTRAST, float(np.partition(contrast.ravel(), least)[least]))


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """To uint8 with a fixed dither of half a step (interleaved gradient noise), against bands."""
    rows = np.arange(picture.shape[0], dtype=np.float32)[:, None]
    columns = np.arange(picture.shape[1], dtype=np.float32)
    noise = (52.9829189 * ((0.06711056 * columns + 0.00583715 * rows) % 1)) % 1
    return np.clip(picture * 255 + noise[..., None], 0, 255).astype(np.uint8)
