# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Rays that leap over the empty and the full parts of a scene.

A surface can be met only in a box between eight nodes whose values differ in sign. Blocks of 2^3
boxes know how many blocks around them hold no such box; a ray leaps over these at once, and looks
at values in the boxes that remain.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import taichi as ti
from scipy.ndimage import distance_transform_cdt

from fluidsim.grid.scheduling import CPU, dealt_item, loop_length
from fluidsim.render.rays import FAR, Grid, nearest, sample

WATER, SOLID = 1, 2  # marks of boxes where their surfaces are
_MARGIN = 1.2  # nodes from the middle of a box to a solid that may be in it, at least sqrt(3) / 2
_AHEAD = 1e-3  # nodes from a box that a ray leaves into the next one

Marks: Any = ti.types.ndarray(dtype=ti.u8, ndim=3)


@dataclass(frozen=True)
class Leaps:
    """marks: uint8 (n0, n1, n2), on the boxes between nodes, WATER and SOLID added. free: uint8, on
    blocks of 2^3 boxes: 0 where a box is marked, otherwise the steps to the next such block, a
    chess king's."""

    marks: np.ndarray
    free: np.ndarray


def leaps_over(water: np.ndarray, solid: np.ndarray, spacing: float) -> Leaps:
    """Leaps between the surfaces of two distances on the same box, m, negative inside; spacing: of
    the water's nodes."""
    boxes = np.array(water.shape) - 1
    blocks = (boxes + 1) // 2
    marks = np.empty(2 * blocks, np.uint8)
    _mark(marks, water, solid, spacing)
    marked = marks
    for axis in range(3):
        rows = np.moveaxis(marked, axis, 0)
        marked = np.moveaxis(rows[::2] | rows[1::2], 0, axis)
    steps = np.full(blocks, 255)
    if marked.any():
        steps = np.asarray(distance_transform_cdt(marked == 0, "chessboard"))
    return Leaps(marks, np.minimum(steps, 255).astype(np.uint8))


@ti.kernel
def _mark(out: Marks, water: Grid, solid: Grid, spacing: float):
    rows = out.shape[0] * out.shape[1]
    last = ti.Vector([water.shape[0], water.shape[1], water.shape[2]]) - 1
    finer = (ti.Vector([solid.shape[0], solid.shape[1], solid.shape[2]]) - 1) / last
    for item in range(loop_length(rows, CPU)):
        row = dealt_item(item, rows, CPU)
        if row < rows:
            i, j = row // out.shape[1], row % out.shape[1]
            a, b = ti.min(i + 1, last[0]), ti.min(j + 1, last[1])
            first, count = 0, 0
            for k in range(out.shape[2] + 1):
                c = ti.min(k, last[2])
                count = int(water[i, j, c] < 0) + int(water[a, j, c] < 0)
                count += int(water[i, b, c] < 0) + int(water[a, b, c] < 0)
                if k > 0:
                    mark = WATER if 0 < first + count < 8 else 0
                    middle = ti.Vector([i, j, k - 1]) + 0.5
                    if ti.abs(sample(solid, middle * finer)) < _MARGIN * spacing:
                        mark += SOLID
                    out[i, j, k - 1] = ti.cast(mark, ti.u8)
                first = count


@ti.func
def _corners(grid: ti.template(), box):
    """Values of the eight nodes around a box."""
    result = ti.Vector([0.0] * 8)
    for corner in ti.static(range(8)):
        step = ti.Vector([corner // 4, corner // 2 % 2, corner % 2])
        result[corner] = grid[box + step]
    return result


@ti.func
def _blend(corners, part):
    """Trilinear value at a place in a box, each part of its way along an axis 0 .. 1."""
    lines = ti.Vector([0.0, 0.0, 0.0, 0.0])
    for line in ti.static(range(4)):
        low = corners[2 * line]
        lines[line] = low + part[2] * (corners[2 * line + 1] - low)
    near = lines[0] + part[1] * (lines[1] - lines[0])
    far = lines[2] + part[1] * (lines[3] - lines[2])
    return near + part[0] * (far - near)


@ti.func
def _crossing(grid: ti.template(), box, place, pace, start, end, sign):
    """When, from `start` to `end`, sign * value turns negative at a place that moves through a box
    at a pace, both in nodes; FAR when it does not."""
    corners = sign * _corners(grid, box)
    off = place - box
    result = FAR
    before, after = 0.5 * (start + end), end
    first, last = _blend(corners, off + pace * before), 0.0
    if first < 0:
        before, after, last = start, before, first
        first = _blend(corners, off + pace * before)
    else:
        last = _blend(corners, off + pace * after)
    if last < 0:
        result = before
        if first > 0:
            result += (after - before) * first / (first - last)
            value = _blend(corners, off + pace * result)
            if value < 0:
                result = before + (result - before) * first / (first - value)
            else:
                result += (after - result) * value / (value - last)
    return result


@ti.func
def _near_value(grid: ti.template(), place, spacing):
    """Value at a place in nodes, of the right sign only where it is farther than that from zero."""
    value = nearest(grid, place)
    if ti.abs(value) < spacing:
        value = sample(grid, place)
    return value


@ti.func
def first_of_two(
    water: ti.template(), spacing, solid: ti.template(), solid_spacing, marks: ti.template(),
    free: ti.template(), origin, direction, start, end, sign, heeded,
):  # fmt: skip
    """Distance along a ray to where sign * water turns negative, and to where solid does; FAR for
    the one behind the other and for one that is not met.

    `start` itself where a value is negative there. heeded: WATER, or WATER + SOLID. The ray lies
    in the box of the grids from `start` to `end`.
    """
    wet, dry = FAR, FAR
    place, pace = origin / spacing, direction / spacing
    solid_place, solid_pace = origin / solid_spacing, direction / solid_spacing
    turn = ti.Vector([0.0, 0.0, 0.0])
    ahead = ti.Vector([0, 0, 0])
    for axis in ti.static(range(3)):
        turn[axis] = 1 / pace[axis] if ti.abs(pace[axis]) > 1e-6 else 1e6
        ahead[axis] = int(turn[axis] > 0)
    last = ti.Vector([water.shape[0], water.shape[1], water.shape[2]]) - 2
    last_solid = ti.Vector([solid.shape[0], solid.shape[1], solid.shape[2]]) - 2
    if start < end:
        if sign * _near_value(water, place + pace * start, spacing) < 0:
            wet = start
        elif heeded > WATER:
            if _near_value(solid, solid_place + solid_pace * start, solid_spacing) < 0:
                dry = start
    t = start
    while t < end and wet == FAR and dry == FAR:
        box = ti.math.clamp(ti.cast(place + pace * t, ti.i32), 0, last)
        block = box >> 1
        gap = ti.cast(free[block], ti.i32)
        mark = 0
        side = box + ahead
        if gap > 0:
            side = 2 * (block + 1 - gap + ahead * (2 * gap - 1))
        else:
            mark = ti.cast(marks[box], ti.i32) & heeded
        leave = ti.min(ti.max(((side - place) * turn).min(), t) + _AHEAD * spacing, end)
        if mark & WATER:
            wet = _crossing(water, box, place, pace, t, leave, sign)
        if mark & SOLID:
            middle = solid_place + solid_pace * (0.5 * (t + leave))
            solid_box = ti.math.clamp(ti.cast(middle, ti.i32), 0, last_solid)
            dry = _crossing(solid, solid_box, solid_place, solid_pace, t, leave, 1.0)
            if dry < wet:
                wet = FAR
            else:
                dry = FAR
        t = leave
    return wet, dry
