"""A field in the middle of the coming step, from what it is and what it was a step ago."""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid

FARTHEST = 1.0  # times the last change: a long step after a very short one goes no farther ahead


class Midstep:
    """Remembers a face field of the step before; `seconds`: how long that was, 0: none yet."""

    def __init__(self, grid: Grid, device: torch.device) -> None:
        self.before = grid.zeros(device, grid.dim)
        self.seconds = 0.0

    def ahead(self, now: Tensor, dt: float) -> Tensor:
        """The field (dim, *nodes) in dt / 2 seconds, to second order; `now` is remembered.

        At the first step it is what it is now.
        """
        share = min(FARTHEST, 0.5 * dt / self.seconds) if self.seconds > 0 else 0.0
        middle = torch.lerp(now, self.before, -share)
        self.before.copy_(now)
        self.seconds = dt
        return middle
