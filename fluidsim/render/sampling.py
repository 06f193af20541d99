# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""The rays of a picture: one for each pixel, and more where colours change abruptly."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import taichi as ti

from fluidsim.render.arrays import Map, vec2, vec3
from fluidsim.render.camera import Camera
from fluidsim.render.rays import Pinhole

_CONTRAST = 0.06  # between neighbours, 0 .. 1: above it a pixel gets more rays
_MOST = 0.05  # at most this part of the pixels gets them, those of most contrast
_MORE = np.array([(0.33, 0.17), (-0.33, 0.30), (0.05, -0.40)], np.float32)  # from the centre
_SQUARE = 32  # side in pixels of the squares that are traced one after the other

Tracer = Callable[[np.ndarray, np.ndarray], None]
Colours: Any = ti.types.ndarray(dtype=ti.f32, ndim=3)
Bytes: Any = ti.types.ndarray(dtype=ti.u8, ndim=3)


def pinhole_of(camera: Camera, size: tuple[int, int]):
    """The camera as kernels take it; size: width and height of the picture in pixels."""
    forward, right, up = camera.axes()
    width, height = size
    half = np.tan(np.radians(camera.field_of_view) / 2)
    return Pinhole(
        eye=vec3(*camera.eye),
        forward=vec3(*forward),
        right=vec3(*(right * half * width / height)),
        up=vec3(*(up * half)),
        pixel=vec2(2 / width, 2 / height),
    )


def trace_picture(trace: Tracer, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """What `trace` sees: anti-aliased colours (height, width, 3) in 0 .. 1, and distances.

    trace(places, seen) fills seen (n, 4), for each ray the colour and the distance of what it
    hits first. places: (n, 2) float32, (-1, -1) is the lower left of the picture, (1, 1) the
    upper right.
    """
    width, height = size
    pixels, rays, places = _centres(size)
    seen = _trace(trace, places).take(rays, 0)
    picture, distance = np.ascontiguousarray(seen[:, :3]), np.ascontiguousarray(seen[:, 3])
    chosen = pixels[_edges(picture.reshape(height, width, 3)).ravel()[pixels]]
    if len(chosen):
        more = _coordinates(chosen, width)[:, None] + _MORE
        colours = _trace(trace, _places(more.reshape(-1, 2), size))[:, :3]
        total = picture[chosen] + colours.reshape(-1, len(_MORE), 3).sum(1)
        picture[chosen] = total / (1 + len(_MORE))
    return picture.reshape(height, width, 3), distance.reshape(height, width)


def _trace(trace: Tracer, places: np.ndarray) -> np.ndarray:
    seen = np.empty((len(places), 4), np.float32)
    trace(places, seen)
    return seen


@lru_cache(maxsize=1)
def _centres(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rays through a picture's pixels, square by square, so that neighbours read the same
    memory: the pixel (n,) of each ray, the ray (n,) of each pixel, and the places (n, 2)."""
    columns, rows = np.meshgrid(*[np.arange(side) for side in size])
    squares = rows // _SQUARE * size[0] + columns // _SQUARE
    pixels = np.argsort(squares.ravel(), kind="stable")
    return pixels, np.argsort(pixels), _places(_coordinates(pixels, size[0]), size)


def _coordinates(pixels: np.ndarray, width: int) -> np.ndarray:
    """The column and row (n, 2) of pixels numbered row by row."""
    return np.stack([pixels % width, pixels // width], -1).astype(np.float32)


def _places(coordinates: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Places (n, 2) on the picture, float32, of columns and rows, which may be fractions."""
    places = (2 * coordinates + 1) / np.array(size, np.float32) - 1
    places[:, 1] *= -1
    return np.ascontiguousarray(places, np.float32)


def _edges(picture: np.ndarray) -> np.ndarray:
    """bool (height, width): the pixels that differ much from a neighbour."""
    contrast = np.empty(picture.shape[:2], np.float32)
    _contrast(contrast, picture)
    strong, most = contrast[contrast > _CONTRAST], int(_MOST * contrast.size)
    least = np.partition(strong, -most)[-most] if len(strong) > most > 0 else _CONTRAST
    return contrast > least


@ti.kernel
def _contrast(out: Map, picture: Colours):
    """The greatest difference in any channel from the four neighbours."""
    last = ti.Vector([out.shape[0], out.shape[1]]) - 1
    for i, j in ti.ndrange(out.shape[0], out.shape[1]):
        most = 0.0
        for step in ti.static(((-1, 0), (1, 0), (0, -1), (0, 1))):
            m, n = ti.math.clamp(i + step[0], 0, last[0]), ti.math.clamp(j + step[1], 0, last[1])
            for channel in ti.static(range(3)):
                most = ti.max(most, ti.abs(picture[i, j, channel] - picture[m, n, channel]))
        out[i, j] = most


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """To uint8, with a fixed dither of half a step (interleaved gradient noise) against banding."""
    result = np.empty(picture.shape, np.uint8)
    _to_bytes(result, picture)
    return result


@ti.kernel
def _to_bytes(out: Bytes, picture: Colours):
    for i, j in ti.ndrange(out.shape[0], out.shape[1]):
        noise = ti.math.fract(52.9829189 * ti.math.fract(0.06711056 * j + 0.00583715 * i))
        for channel in ti.static(range(3)):
            value = ti.math.clamp(picture[i, j, channel] * 255 + noise, 0.0, 255.0)
            out[i, j, channel] = ti.cast(value, ti.u8)
