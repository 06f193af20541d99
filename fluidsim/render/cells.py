# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""The cells that particles lie in, and the distances between full and empty cells."""

from collections.abc import Sequence

import numpy as np
import taichi as ti
from scipy.ndimage import convolve1d

from fluidsim.grid.scheduling import CPU, dealt_item, loop_length
from fluidsim.render.arrays import Volume
from fluidsim.render.frame import SolidGrid

FARTHEST = 6.0  # cells; greater distances are cut off


def cell_numbers(place: np.ndarray, cells: Sequence[int]) -> np.ndarray:
    """The flat index (n,) int32 of the cell that holds, or is nearest to, each place (n, dim).

    place: in units of cells.
    """
    result = np.zeros(len(place), np.int32)
    for axis, count in enumerate(cells):
        result *= np.int32(count)
        result += np.clip(place[:, axis], 0, np.float32(count - 0.5)).astype(np.int32)
    return result


def at_centres(solids: SolidGrid, dx: float) -> np.ndarray:
    """The distance to solids, m, in the centres of cells of size dx: the mean of their corners."""
    every = max(1, round(dx / solids.spacing))
    corners = solids.distance[(slice(None, None, every),) * solids.distance.ndim]
    for axis in range(corners.ndim):
        rows = np.moveaxis(corners, axis, 0)
        corners = np.moveaxis((rows[1:] + rows[:-1]) / 2, 0, axis)
    return corners


def softened(field: np.ndarray) -> np.ndarray:
    """A field on cells, blurred by less than half a cell: an edge as sharp as a cell would show
    the steps of the grid."""
    for axis in range(field.ndim):
        field = convolve1d(field, np.array((1, 8, 1)) / 10, axis, mode="nearest")
    return field


def cell_distance(full: np.ndarray) -> np.ndarray:
    """The distance in cells from each cell to the nearest one of the other kind, at most FARTHEST.

    It is negative in full cells. Axis by axis, a minimum of parabolas (Felzenszwalb &
    Huttenlocher, "Distance Transforms of Sampled Functions", 2012).
    """
    return _distance_to(full) - _distance_to(~full)


def _distance_to(chosen: np.ndarray) -> np.ndarray:
    """The distance in cells to the nearest chosen cell, at most FARTHEST."""
    square = np.where(chosen, np.float32(0), np.float32(FARTHEST**2))
    for axis in range(3):
        before, square = square, np.empty_like(square)
        _lower(square, before, axis)
    return np.sqrt(square)


@ti.kernel
def _lower(out: Volume, square: Volume, axis: ti.template()):
    """out[i] is the minimum over s of square[i + s] + s * s along an axis."""
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
