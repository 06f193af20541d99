# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Sunlight in a volume of smoke: what arrives inside it, at solids and on the floor."""

from typing import Any

import numpy as np
import taichi as ti

from fluidsim.grid.scheduling import CPU, dealt_item, loop_length
from fluidsim.render.rays import Grid, Map, box_span, sample, square_count, square_of, vec3
from fluidsim.render.solids import sun_share
from fluidsim.render.stage import Stage

EXTINCTION = 46.0  # of density 1, along the unit of length


@ti.func
def last_node(grid: ti.template()):
    """Indices of a grid's last node."""
    return ti.Vector([grid.shape[0], grid.shape[1], grid.shape[2]]) - 1


@ti.func
def cell_value(field: ti.template(), point, stage):
    """Value at a point of the domain of a field on the cells."""
    cells = ti.Vector([field.shape[0], field.shape[1], field.shape[2]])
    return sample(field, point / stage.upper * cells - 0.5)


@ti.func
def _optical_depth(density: ti.template(), origin, stage, step):
    """Optical depth of the smoke between a point and the sun."""
    near, far = box_span(origin, stage.sun, stage.upper)
    total = 0.0
    t = near + 0.5 * step
    while t < far:
        total += cell_value(density, origin + t * stage.sun, stage)
        t += step
    return total * step * EXTINCTION


@ti.func
def sun_reaches(solid: ti.template(), origin, skip, stage):
    """Part of the sun that solids leave to a point; the first `skip` of the way is free."""
    near, far = box_span(origin, stage.sun, stage.upper)
    spacing = stage.upper[2] / (solid.shape[2] - 1)
    return sun_share(solid, spacing, origin, stage.sun, ti.max(near, skip), far)


def light_of(
    density: np.ndarray, solid: np.ndarray, floor: np.ndarray, stage: Any, march: float
) -> tuple[np.ndarray, np.ndarray]:
    """Optical depth towards the sun, and what solids leave of the sun, on a half grid of nodes.

    floor: filled with the part of the sunlight that reaches the stage's map of the floor. march:
    length of a step.
    """
    coarse = tuple(n // 2 + 1 for n in density.shape)
    depth, lit = np.empty(coarse, np.float32), np.empty(coarse, np.float32)
    _light_volume(depth, lit, density, solid, stage, march)
    _light_floor(floor, depth, solid, stage)
    return depth, lit


@ti.kernel
def _light_volume(depth: Grid, lit: Grid, density: Grid, solid: Grid, stage: Stage, march: float):
    """Optical depth towards the sun, and whether solids let it through, on a half grid."""
    last = last_node(depth)
    rows = depth.shape[0] * depth.shape[1]
    for item in range(loop_length(rows, CPU)):
        row = dealt_item(item, rows, CPU)
        if row < rows:
            i, j = row // depth.shape[1], row % depth.shape[1]
            for k in range(depth.shape[2]):
                point = ti.Vector([i, j, k]) / last * stage.upper
                depth[i, j, k] = _optical_depth(density, point, stage, 2 * march)
                # Nodes just inside of a lit side count as lit, or smoke on it would darken.
                lit[i, j, k] = sun_reaches(solid, point, 4 * march, stage)


@ti.kernel
def _light_floor(floor: Map, depth: Grid, solid: Grid, stage: Stage):
    """Part of the sunlight that reaches the floor; depth: what `_light_volume` found."""
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
