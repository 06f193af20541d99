# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Liquid is blurred along its motion while the shutter is open; the floor and solids are sharp.

A pixel gathers colours along the longest motion around it: of what passes over it, and of what its
own motion uncovers (McGuire et al., "A Reconstruction Filter for Plausible Motion Blur", 2012).
"""

import math
from typing import Any

import numpy as np
import taichi as ti
from scipy.ndimage import gaussian_filter

from fluidsim.grid.scheduling import CPU, dealt_item, loop_length
from fluidsim.render.arrays import Image, Map, VectorMap, VectorVolume, Volume, vec2, vec3
from fluidsim.render.cells import cell_numbers
from fluidsim.render.rays import FAR, Pinhole, sample

_LONGEST = 1 / 24  # of the picture's width, in each direction from a pixel; sides of tiles
_SHORTEST = 0.5  # pixels; what moves less stays sharp
_TAPS = 7  # colours gathered in each direction
_CLOSE = 0.02  # part of the distance: things so close together do not hide each other


def cell_ways(
    positions: np.ndarray, velocities: np.ndarray, shape: tuple[int, ...], dx: float,
    exposure: float,
) -> np.ndarray:  # fmt: skip
    """How far what is in and around each cell moves in `exposure` s: (*shape, 3) float32, m.

    positions, velocities: (n, 3) of particles, m and m/s.
    """
    key, total = cell_numbers(positions / np.float32(dx), shape), int(np.prod(shape))

    def smooth(weights: np.ndarray | None) -> np.ndarray:
        sums = np.bincount(key, weights, total).reshape(shape).astype(np.float32)
        return gaussian_filter(sums, 0.7, truncate=2.5)

    count = np.maximum(smooth(None), np.float32(1e-6))
    parts = [smooth(velocities[:, axis]) / count for axis in range(3)]
    return np.stack(parts, -1) * np.float32(exposure)


def blurred(
    picture: np.ndarray, distance: np.ndarray, ways: np.ndarray, solid: np.ndarray,
    upper: np.ndarray, pinhole: Any,
) -> np.ndarray:  # fmt: skip
    """A picture (height, width, 3) of the scaled domain [0, upper], with its liquid blurred.

    distance: (height, width), along the ray, to what is seen; ways: scaled `cell_ways`; solid:
    scaled distance to solids, on nodes.
    """
    height, width = distance.shape
    half = np.empty((height, width, 2), np.float32)
    _half_ways(half, distance, ways, solid, vec3(*upper), pinhole)
    side = math.ceil(_LONGEST * width)
    tiles = np.empty((-(-height // side), -(-width // side), 2), np.float32)
    _longest(tiles, half, side)
    result = np.empty_like(picture)
    _gather(result, picture, distance, half, tiles, side)
    return result


@ti.kernel
def _half_ways(
    out: VectorMap, distance: Map, ways: VectorVolume, solid: Volume, upper: vec3, pinhole: Pinhole
):
    """The columns and rows by which what a pixel shows moves in half of the exposure."""
    size = vec2(out.shape[1], out.shape[0])
    cells = ti.Vector([ways.shape[0], ways.shape[1], ways.shape[2]])
    spacing = upper.z / (solid.shape[2] - 1)
    for row, column in ti.ndrange(out.shape[0], out.shape[1]):
        half = vec2(0.0)
        if distance[row, column] < FAR:
            x, y = (2 * column + 1) / size.x - 1, 1 - (2 * row + 1) / size.y
            direction = (pinhole.forward + x * pinhole.right + y * pinhole.up).normalized()
            point = pinhole.eye + direction * distance[row, column]
            inside = (point > -1e-3).all() and (point < upper + 1e-3).all()
            if inside and point.z > 1e-3 and sample(solid, point / spacing) > 0.5 * spacing:
                cell = ti.math.clamp(ti.cast(point / upper * cells, ti.i32), 0, cells - 1)
                there = point + 0.5 * ways[cell] - pinhole.eye
                depth = there.dot(pinhole.forward)
                to = vec2(there.dot(pinhole.right), there.dot(pinhole.up))
                to /= vec2(pinhole.right.norm_sqr(), pinhole.up.norm_sqr()) * ti.max(depth, 1e-3)
                half = (to - vec2(x, y)) * vec2(size.x, -size.y) / 2
                half *= ti.min(1.0, _LONGEST * size.x / ti.max(half.norm(), 1e-6))
        out[row, column] = half


@ti.kernel
def _longest(out: VectorMap, half: VectorMap, side: int):
    """The longest motion in a tile, a square of pixels, and in the tiles around it."""
    for i, j in ti.ndrange(out.shape[0], out.shape[1]):
        best = vec2(0.0)
        for row in range(ti.max(side * (i - 1), 0), ti.min(side * (i + 2), half.shape[0])):
            for column in range(ti.max(side * (j - 1), 0), ti.min(side * (j + 2), half.shape[1])):
                if half[row, column].norm_sqr() > best.norm_sqr():
                    best = half[row, column]
        out[i, j] = best


@ti.func
def _reaches(length, away):
    """1 if a motion of this length reaches a pixel so far away, less near its end."""
    return ti.math.clamp(1 - away / ti.max(length, 0.5), 0.0, 1.0)


@ti.func
def _before(near, far):
    """1 if what is at the distance `near` hides what is at `far`, 0 if it is hidden."""
    return ti.math.clamp(1 - (near - far) / (_CLOSE * ti.min(near, far)), 0.0, 1.0)


@ti.kernel
def _gather(
    out: Image, picture: Image, distance: Map, half: VectorMap, tiles: VectorMap, side: int
):  # fmt: skip
    height, width = out.shape[0], out.shape[1]
    for item in range(loop_length(height, CPU)):
        row = dealt_item(item, height, CPU)
        if row < height:
            for column in range(width):
                way = tiles[row // side, column // side]
                colour = picture[row, column]
                if way.norm() >= _SHORTEST:
                    own = half[row, column].norm()
                    total = 1 / ti.max(own, 0.5)
                    colour *= total
                    noise = ti.math.fract(0.06711056 * column + 0.00583715 * row)
                    shift = ti.math.fract(52.9829189 * noise)  # against banding
                    for tap in range(2 * _TAPS):
                        part = (tap + shift) / _TAPS - 1
                        a = ti.math.clamp(int(ti.round(row + part * way.y)), 0, height - 1)
                        b = ti.math.clamp(int(ti.round(column + part * way.x)), 0, width - 1)
                        away = ti.abs(part) * way.norm()
                        other = half[a, b].norm()
                        here, there = distance[row, column], distance[a, b]
                        weight = _before(there, here) * _reaches(other, away) / ti.max(other, 0.5)
                        weight += _before(here, there) * _reaches(own, away) / ti.max(own, 0.5)
                        total += weight
                        colour += weight * picture[a, b]
                    colour /= total
                out[row, column] = colour
