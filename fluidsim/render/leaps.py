# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Rays leap over the parts of a scene that are all air or all liquid.

A surface passes only through boxes whose eight nodes differ in sign. Each block of 2^3 boxes knows
how many blocks around it hold no such box; a ray leaps over these at once and reads values only in
the boxes that remain.
"""

from typing import NamedTuple

import numpy as np
import taichi as ti
from scipy.ndimage import distance_transform_cdt

from fluidsim.grid.scheduling import CPU, dealt_item, loop_length
from fluidsim.render.arrays import Marks, Volume
from fluidsim.render.rays import FAR, nearest, sample

WATER, SOLID = 1, 2  # marks of the boxes that their surfaces pass through
_MARGIN = 1.2  # nodes: a solid so near to the middle of a box may be in it; >= sqrt(3) / 2
_AHEAD = 1e-3  # nodes that a ray goes on beyond the box that it leaves


class Leaps(NamedTuple):
    """Where rays may leap. Kernels bundle their two arrays in one as well, by ``ti.static``.

    marks: uint8 (n0, n1, n2), the sum of WATER and SOLID for each box between nodes. free: uint8,
    for each block of 2^3 boxes: 0 if one of them is marked, otherwise the distance in blocks to
    the next such block, in king's moves.
    """

    marks: np.ndarray
    free: np.ndarray


def leaps_over(water: np.ndarray, solid: np.ndarray, spacing: float) -> Leaps:
    """Leaps between the surfaces of two signed distances on the same box.

    spacing: of the water's nodes.
    """
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
def _mark(out: Marks, water: Volume, solid: Volume, spacing: float):
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
def _corners(volume: ti.template(), box):
    """The values of the eight nodes around a box."""
    result = ti.Vector([0.0] * 8)
    for corner in ti.static(range(8)):
        step = ti.Vector([corner // 4, corner // 2 % 2, corner % 2])
        result[corner] = volume[box + step]
    return result


@ti.func
def _blend(corners, part):
    """The trilinear value in a box of these corners at a place in 0 .. 1 on each axis."""
    lines = ti.Vector([0.0, 0.0, 0.0, 0.0])
    for line in ti.static(range(4)):
        low = corners[2 * line]
        lines[line] = low + part[2] * (corners[2 * line + 1] - low)
    near = lines[0] + part[1] * (lines[1] - lines[0])
    far = lines[2] + part[1] * (lines[3] - lines[2])
    return near + part[0] * (far - near)


@ti.func
def _crossing(volume: ti.template(), box, place, pace, start, end, sign):
    """The time from `start` to `end` at which sign * value turns negative for a point that moves
    through a box from `place` at `pace`, both in nodes; FAR if it does not."""
    corners = sign * _corners(volume, box)
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
def _shape(volume: ti.template()):
    return ti.Vector([volume.shape[0], volume.shape[1], volume.shape[2]])


@ti.func
def _signed_value(sdf: ti.template(), place):
    """A value of the right sign at a place in nodes; interpolated only near the surface."""
    value = nearest(sdf.values, place)
    if ti.abs(value) < sdf.spacing:
        value = sample(sdf.values, place)
    return value


@ti.func
def first_of_two(
    water: ti.template(), solid: ti.template(), leaps: ti.template(), ray, start, end, sign, heeded
):  # fmt: skip
    """Distances along a ray at which sign * water and solid turn negative. FAR for the farther one
    of the two and for one that is not met.

    water, solid: `Sdf`. A distance is `start` if the value is negative there. heeded: WATER, or
    WATER + SOLID. From `start` to `end` the ray is in the box of the distances.
    """
    wet, dry = FAR, FAR
    place, pace = ray.origin / water.spacing, ray.direction / water.spacing
    solid_place, solid_pace = ray.origin / solid.spacing, ray.direction / solid.spacing
    turn = ti.Vector([0.0, 0.0, 0.0])
    ahead = ti.Vector([0, 0, 0])
    for axis in ti.static(range(3)):
        turn[axis] = 1 / pace[axis] if ti.abs(pace[axis]) > 1e-6 else 1e6
        ahead[axis] = int(turn[axis] > 0)
    last = _shape(water.values) - 2
    last_solid = _shape(solid.values) - 2
    if start < end:
        if sign * _signed_value(water, place + pace * start) < 0:
            wet = start
        elif heeded > WATER:
            if _signed_value(solid, solid_place + solid_pace * start) < 0:
                dry = start
    t = start
    while t < end and wet == FAR and dry == FAR:
        box = ti.math.clamp(ti.cast(place + pace * t, ti.i32), 0, last)
        block = box >> 1
        gap = ti.cast(leaps.free[block], ti.i32)
        mark = 0
        side = box + ahead
        if gap > 0:
            side = 2 * (block + 1 - gap + ahead * (2 * gap - 1))
        else:
            mark = ti.cast(leaps.marks[box], ti.i32) & heeded
        leave = ti.min(ti.max(((side - place) * turn).min(), t) + _AHEAD * water.spacing, end)
        if mark & WATER:
            wet = _crossing(water.values, box, place, pace, t, leave, sign)
        if mark & SOLID:
            middle = solid_place + solid_pace * (0.5 * (t + leave))
            solid_box = ti.math.clamp(ti.cast(middle, ti.i32), 0, last_solid)
            dry = _crossing(solid.values, solid_box, solid_place, solid_pace, t, leave, 1.0)
            if dry < wet:
                wet = FAR
            else:
                dry = FAR
        t = leave
    return wet, dry
