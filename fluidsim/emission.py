"""A source of smoke on the grid: the parts of cells that it keeps filled, and its flicker."""

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
        covered = part_inside(shape, grid, device)
        places = covered.nonzero()
        strides = torch.tensor(grid.strides, device=device)
        self.places = tuple(places.T)  # of the cells that the shape covers, on each axis
        self._cells, self._parts = (places * strides).sum(1), covered[self.places]
        inside = grid.cells(shape.distance(grid.cell_positions(device)) < 0)
        self._blowing = (inside.nonzero() * strides).sum(1)
        self._lattice = tuple(max(2, n // PATCH + 1) for n in grid.shape)
        self._around, self._weights = self._between(places, grid)

    def feed(
        self,
        scalars: Tensor,
        levels: Sequence[float],
        velocity: Tensor,
        generator: torch.Generator,
    ) -> None:
        """Raise the scalars (components, *nodes) to their levels, in cells that the shape covers in
        part to that part of them, and set the velocity's faces of the cells it holds the centre of.
        """
        noise = torch.rand(self._lattice, generator=generator).to(scalars.device) * 2 - 1
        flicker = (noise.view(-1)[self._around] * self._weights).sum(1) * self.roughness + 1
        flicker *= self._parts
        for values, level in zip(scalars.view(len(scalars), -1), levels, strict=True):
            values[self._cells] = torch.maximum(values[self._cells], level * flicker)
        if self.velocity is not None:
            for faces, speed in zip(velocity.view(len(velocity), -1), self.velocity, strict=True):
                faces[self._blowing] = speed

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


def part_inside(shape: Shape, grid: Grid, device: torch.device) -> Tensor:
    """Part of each cell inside of a shape, (*shape) float32.

    At the middles of the 2^dim parts of a cell the surface counts as flat, as of a wall's `room`.
    """
    total = torch.zeros(grid.nodes, device=device)
    for offset in itertools.product((0.25, 0.75), repeat=grid.dim):
        distance = shape.distance(grid.positions(offset, device))
        total += (0.5 - distance / (0.5 * grid.dx)).clamp(0, 1)
    return grid.cells(total) / 2**grid.dim
