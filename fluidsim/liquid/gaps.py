"""Faces of the liquid that no particle reaches."""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from fluidsim.flow.extrapolation import KNOWN, OUTSIDE, UNKNOWN, Continuation, levels_beside
from fluidsim.grid.plain import are_plain
from fluidsim.grid.rows import as_rows, cell_rows, flat
from fluidsim.solid.solids import Solids
from solvers import kernel_cache  # noqa: F401

GAP_LAYERS = 2  # faces of the liquid so far from all particles take the velocity of others


def close_gaps(velocity: Tensor, fluid: Tensor, weights: Tensor, solids: Solids) -> bool:
    """Give faces that no particle reaches the velocity of those around, in place; whether there
    are any. Beside solids particles may be too few, which must not stop the flow.

    velocity, weights: (dim, *nodes), from the particles. fluid: (*shape) bool.
    """
    grid = solids.grid
    if velocity.device.type == "cpu" and are_plain(
        velocity, weights
    ):  # looks first: mostly there are none
        found = np.empty(len(cell_rows(grid)), np.bool_)
        _look(
            as_rows(fluid), flat(weights), flat(solids.open.detach()), flat(solids.walls),
            cell_rows(grid), np.array(grid.strides), found,
        )  # fmt: skip
        if not found.any():
            return False
    kept = (solids.open > 0) & ~solids.walls
    gaps = (levels_beside(fluid, kept, grid) == KNOWN) & (weights == 0)
    if not bool(gaps.any()):
        return False
    levels = torch.where(weights > 0, KNOWN, OUTSIDE).to(torch.int8)
    levels[gaps] = UNKNOWN
    Continuation.of(levels, GAP_LAYERS, grid).apply(velocity)
    return True


@numba.njit(cache=True, parallel=True)
def _look(fluid, weights, opened, walls, starts, strides, found):
    """found: whether a face of the liquid in each row has no weight."""
    nodes = len(weights) // len(strides)
    for row in numba.prange(len(starts)):
        found[row] = False
        for z in range(fluid.shape[1]):
            if fluid[row, z]:
                for axis in range(len(strides)):
                    low = axis * nodes + starts[row] + z
                    for face in (low, low + strides[axis]):
                        if weights[face] == 0 and opened[face] > 0 and not walls[face]:
                            found[row] = True
