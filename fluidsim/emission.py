"""A source of smoke on the grid: the cells that it keeps filled, and its flicker."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from fluidsim.grid import Grid
from fluidsim.shapes import Shape

PATCH = 4  # cells between the points of the lattice of random numbers


class Emitter:
    """Keeps scalars at levels inside a shape, and the velocity where one is given.

    roughness: relative random variation in space and time. velocity: m/s.
    """

    def __init__(
        self,
        shape: Shape,
        roughness: float,
        velocity: Sequence[float] | None,
        grid: Grid,
        device: torch.device,
    ):
        self.roughness = roughness
        self.velocity = velocity
        inside = shape.distance(grid.cell_positions(device)) < 0
        places = grid.cells(inside).nonzero()
        self._cells = (places * torch.tensor(grid.strides, device=device)).sum(1)
        self._lattice = tuple(max(2, n // PATCH + 1) for n in grid.shape)
        self._around, self._weights = self._between(places, grid)

    @property
    def count(self) -> int:
        """Cells inside."""
        return len(self._cells)

    def feed(
        self,
        scalars: Tensor,
        levels: Sequence[float],
        velocity: Tensor,
        generator: torch.Generator,
    ) -> None:
        """Raise the scalars (components, *nodes) to their levels, and set the velocity's faces."""
        noise = torch.rand(self._lattice, generator=generator).to(scalars.device) * 2 - 1
        flicker = (noise.view(-1)[self._around] * self._weights).sum(1) * self.roughness + 1
        for values, level in zip(scalars.view(len(scalars), -1), levels, strict=True):
            values[self._cells] = torch.maximum(values[self._cells], level * flicker)
        if self.velocity is not None:
            for faces, speed in zip(velocity.view(len(velocity), -1), self.velocity, strict=True):
                faces[self._cells] = speed

    def _between(self, places: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
        """Points of the lattice around each cell and their multilinear weights, (n, 2^dim)."""
        size = torch.tensor(self._lattice, device=places.device)
        shape = torch.tensor(grid.shape, device=places.device)
        x = ((places + 0.5) * (size / shape) - 0.5).clamp(min=0)
        lower = torch.minimum(x.long(), size - 2)
        part = (x - lower).clamp(max=1)
        steps = [math.prod(self._lattice[k + 1 :]) for k in range(grid.dim)]
        around, weights = [], []
        for corner in itertools.product((0, 1), repeat=grid.dim):
            upper = torch.tensor(corner, device=places.device)
            around.append(((lower + upper) * torch.tensor(steps, device=places.device)).sum(1))
            weights.append(torch.where(upper == 1, part, 1 - part).prod(1))
        return torch.stack(around, 1), torch.stack(weights, 1)
