# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""How far a ray can go through clear air before it may meet smoke."""

import numpy as np
import taichi as ti
from scipy.ndimage import distance_transform_edt

_BLOCKS = 32  # along the longest side, roughly


def clear_ways(smoke: np.ndarray, spacing: float) -> tuple[np.ndarray, float]:
    """Lower bounds float32 of the distance to smoke from anywhere in a block of cells.

    smoke: bool, on cells of side `spacing`. Also returns the side of a block. Between a cell with
    smoke and one without, interpolated values are smoke too.
    """
    side = max(2, max(smoke.shape) // _BLOCKS)
    padded = np.pad(smoke, [(0, -n % side) for n in smoke.shape])
    blocks = padded.reshape([part for n in padded.shape for part in (n // side, side)])
    taken = blocks.any(axis=(1, 3, 5))
    if not taken.any():
        return np.full(taken.shape, 10 * max(smoke.shape) * spacing, np.float32), side * spacing
    away = np.asarray(distance_transform_edt(~taken))  # between the blocks' centres
    cells = (away - np.sqrt(3)) * side - 1
    return np.maximum(cells * spacing, 0).astype(np.float32), side * spacing


@ti.func
def clear_way(ways: ti.template(), side, point):
    """The lower bound at a point of the domain; side: of a block."""
    last = ti.Vector([ways.shape[0], ways.shape[1], ways.shape[2]]) - 1
    return ways[ti.math.clamp(ti.cast(point / side, ti.i32), 0, last)]
