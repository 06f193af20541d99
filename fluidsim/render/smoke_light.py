# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Sunlight in a volume of smoke: what reaches the smoke, solids and the floor."""

from typing import Any

import numpy as np
import taichi as ti

from fluidsim.grid.scheduling import CPU, dealt_item, loop_length
from fluidsim.render.arrays import Map, Volume, vec3
from fluidsim.render.rays import (
    Ray,
    Sdf,
    box_span,
    sample,
    spacing_of,
    square_count,
    square_of,
)
from fluidsim.render.solids import sun_share
from fluidsim.render.stage import Stage

EXTINCTION = 46.0  # of density 1, along the unit of length


@ti.func
def last_node(volume: ti.template()):
    """The indices of a volume's last node."""
    return ti.Vector([volume.shape[0], volume.shape[1], volume.shape[2]]) - 1


@ti.func
def cell_value(field: ti.template(), point, stage):
    """The value of a field on the cells at a point of the domain."""
    cells = ti.Vector([field.shape[0], field.shape[1], field.shape[2]])
    return sample(field, point / stage.upper * cells - 0.5)


@ti.func
def _optical_depth(density: ti.template(), origin, stage, step):
    """The optical depth of the smoke between a point and the sun."""
    near, far = box_span(origin, stage.sun, stage.upper)
    total = 0.0
    t = near + 0.5 * step
    while t < far:
        total += cell_value(density, origin + t * stage.sun, stage)
        t += step
    return total * step * EXTINCTION


@ti.func
def sun_reaches(solid: ti.template(), origin, skip, stage):
    """The part of the sun that solids farther than `skip` do not hide from a point."""
    near, far = box_span(origin, stage.sun, stage.upper)
    spacing = spacing_of(solid, stage.upper)
    shades = ti.static(Sdf(solid, spacing))
    return sun_share(shades, Ray(origin=origin, direction=stage.sun), ti.max(near, skip), far)


def light_of(
    density: np.ndarray, solid: np.ndarray, floor: np.ndarray, stage: Any, march: float
) -> tuple[np.ndarray, np.ndarray]:
    """The optical depth towards the sun and the part of it that solids do not hide, on nodes that
    are two cells apart.

    floor: the stage's map of the floor, filled with the part of the sunlight that reaches it.
    march: length of a step.
    """
    coarse = tuple(n // 2 + 1 for n in density.shape)
    depth, lit = np.empty(coarse, np.float32), np.empty(coarse, np.float32)
    _light_volume(depth, lit, density, solid, stage, march)
    _light_floor(floor, depth, solid, stage)
    return depth, lit


@ti.kernel
def _light_volume(
    depth: Volume, lit: Volume, density: Volume, solid: Volume, stage: Stage, march: float
):
    last = last_node(depth)
    rows = depth.shape[0] * depth.shape[1]
    for item in range(loop_length(rows, CPU)):
        row = dealt_item(item, rows, CPU)
        if row < rows:
            i, j = row // depth.shape[1], row % depth.shape[1]
            for k in range(depth.shape[2]):
                point = ti.Vector([i, j, k]) / last * stage.upper
                depth[i, j, k] = _optical_depth(density, point, stage, 2 * march)
                # Nodes just inside a lit side of a solid count as lit, or smoke on it would darken.
                lit[i, j, k] = sun_reaches(solid, point, 4 * march, stage)


@ti.kernel
def _light_floor(floor: Map, depth: Volume, solid: Volume, stage: Stage):
    squares = square_count(floor)
    for item in range(loop_length(squares, CPU)):
        square = dealt_item(item, squares, CPU)
        if square < squares:
            low, high = square_of(square, floor)
            for i in range(low[0], high[0]):
                for j in range(low[1], high[1]):
                    place = stage.map_lower + ti.Vector([i, j]) * stage.map_spacing
                    origin = vec3(place.x, place.y, 0.0)
                    reaches = 1.0
                    near, far = box_span(origin, stage.sun, stage.upper)
                    if near < far:
                        entry = origin + stage.sun * near
                        reaches = sun_reaches(solid, origin, 0.01, stage)
                        reaches *= ti.exp(-sample(depth, entry / stage.upper * last_node(depth)))
                    floor[i, j] = reaches
