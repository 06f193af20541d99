# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Distances between full and empty cells: a minimum of parabolas along one axis after the other
(Felzenszwalb & Huttenlocher, "Distance Transforms of Sampled Functions", 2012)."""

import numpy as np
import taichi as ti

from fluidsim.render.rays import Grid
from fluidsim.scheduling import CPU, dealt_item, loop_length

FARTHEST = 6.0  # distance in cells that is told


def cell_distance(full: np.ndarray) -> np.ndarray:
    """Distance in cells of each cell to the nearest one of the other kind, negative in full ones;
    at most FARTHEST."""
    return _distance_to(full) - _distance_to(~full)


def _distance_to(chosen: np.ndarray) -> np.ndarray:
    """Distance in cells to the nearest chosen cell, at most FARTHEST."""
    square = np.where(chosen, np.float32(0), np.float32(FARTHEST**2))
    for axis in range(3):
        before, square = square, np.empty_like(square)
        _lower(square, before, axis)
    return np.sqrt(square)


@ti.kernel
def _lower(out: Grid, square: Grid, axis: ti.template()):
    """out[i] is the least of square[i + s] + s * s along an axis."""
    rows = out.shape[0] * out.shape[1]
    last = ti.Vector([out.shape[0], out.shape[1], out.shape[2]])[axis] - 1
    for item in range(loop_length(rows, CPU)):
        row = dealt_item(item, rows, CPU)
        if row < rows:
            i, j = row // out.shape[1], row % out.shape[1]
            for k in range(out.shape[2]):
                cell = ti.Vector([i, j, k])
                least = square[cell]
                s = 1
                while s * s < least:
                    for side in ti.static((-1, 1)):
                        other = cell
                        other[axis] = ti.math.clamp(cell[axis] + side * s, 0, last)
                        least = ti.min(least, square[other] + s * s)
                    s += 1
                out[i, j, k] = least
