"""Faces of the liquid that no particle reaches."""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.flow.extrapolation import KNOWN, OUTSIDE, UNKNOWN, Continuation, levels_beside
from fluidsim.solid.solids import Solids

GAP_LAYERS = 2  # faces of the liquid so far from all particles take the velocity of others


def close_gaps(velocity: Tensor, fluid: Tensor, weights: Tensor, solids: Solids) -> bool:
    """Give faces that no particle reaches the velocity of those around, in place; whether there
    are any. Beside solids particles may be too few, which must not stop the flow.

    velocity, weights: (dim, *nodes), from the particles. fluid: (*shape) bool.
    """
    grid = solids.grid
    kept = (solids.open > 0) & ~solids.walls
    gaps = (levels_beside(fluid, kept, grid) == KNOWN) & (weights == 0)
    if not bool(gaps.any()):
        return False
    levels = torch.where(weights > 0, KNOWN, OUTSIDE).to(torch.int8)
    levels[gaps] = UNKNOWN
    Continuation.of(levels, GAP_LAYERS, grid).apply(velocity)
    return True
