"""Extrapolation of a field to the middle of the coming step from the last two."""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid

FARTHEST = 1.0  # times the last change: the most that is extrapolated after a very short step


class Midstep:
    """Remembers the face field of the last step; `seconds`: its length, 0 before the first."""

    def __init__(self, grid: Grid, device: torch.device) -> None:
        self.before = grid.zeros(device, grid.dim)
        self.seconds = 0.0

    def ahead(self, now: Tensor, dt: float) -> Tensor:
        """The field (dim, *nodes) in dt / 2 seconds, to second order; it remembers `now`.

        In the first step it is `now`.
        """
        share = min(FARTHEST, 0.5 * dt / self.seconds) if self.seconds > 0 else 0.0
        middle = torch.lerp(now, self.before, -share)
        self.before = now.clone()
        self.seconds = dt
        return middle
