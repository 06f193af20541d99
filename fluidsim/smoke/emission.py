"""Smoke that enters the domain: from sources, which flicker, and through inlets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fluidsim.flow.values import top_component
from fluidsim.grid.grid import Grid
from fluidsim.solid.boundary import Boundary
from fluidsim.solid.shapes import Shape

PATCH = 4  # cells of a run's grid
SPELL = 0.02  # s, in which the flicker of a source goes from one draw of numbers to the next


class Flicker:
    """Random numbers on a lattice that change smoothly with time; the same at the same time.

    They go from one draw to the next within SPELL, so that what a source emits does not depend on
    the steps of a run.

    Parameters
    ----------
    lattice : tuple of int
        Points of the lattice.
    seed : sequence of int
        Of the random numbers.
    """

    def __init__(self, lattice: tuple[int, ...], seed: Sequence[int]):
        self._lattice = lattice
        self._seed = tuple(seed)
        self._drawn: dict[int, Tensor] = {}

    def at(self, time: float) -> Tensor:
        """Numbers between -1 and 1 at a time, s, (*lattice) float32."""
        spell = math.floor(time / SPELL)
        part = time / SPELL - spell
        self._drawn = {number: self._draw(number) for number in (spell, spell + 1)}
        first, second = self._drawn.values()
        return torch.lerp(first, second, part * part * (3 - 2 * part))

    def _draw(self, number: int) -> Tensor:
        if number in self._drawn:
            return self._drawn[number]
        random = np.random.Generator(np.random.PCG64([*self._seed, number]))
        return torch.from_numpy(2 * random.random(self._lattice, np.float32) - 1)


class Emitter:
    """Keeps scalars at given levels inside a shape.

    roughness: relative random variation of the levels in space and time. seed: of it. patch: cells
    between points of the lattice of random numbers.
    """

    def __init__(
        self, shape: Shape, roughness: float, grid: Grid, device: torch.device,
        seed: Sequence[int], patch: int = PATCH,
    ):  # fmt: skip
        self.roughness = roughness
        covered = part_inside(shape, grid, device)
        places = covered.nonzero()
        strides = torch.tensor(grid.strides, device=device)
        self.places = tuple(
            places.T
        )  # indices of the cells that the shape covers, one tensor an axis
        self._cells, self._parts = (places * strides).sum(1), covered[self.places]
        self._lattice = tuple(max(2, n // patch + 1) for n in grid.shape)
        self._flicker = Flicker(self._lattice, seed)
        self._around, self._weights = self._between(places, grid)

    def feed(self, scalars: Tensor, levels: Sequence[float], time: float) -> None:
        """Raise the scalars (components, *nodes) to their levels at a time, s; in a partly covered
        cell, to the covered part of the level."""
        noise = self._flicker.at(time).to(scalars.device)
        flicker = (noise.view(-1)[self._around] * self._weights).sum(1) * self.roughness + 1
        flicker *= self._parts
        for number, level in enumerate(levels):
            values = scalars[number].view(-1)
            values[self._cells] = torch.maximum(values[self._cells], level * flicker)

    def _between(self, places: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
        """The lattice points around each cell, and their multilinear weights, (n, 2^dim)."""
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


def let_in(scalars: Tensor, boundary: Boundary, dt: float, grid: Grid) -> None:
    """Add what entered through inlets in `dt` seconds, in place.

    It fills the cells up to a depth of the velocity times dt, the last one in part; transport has
    filled them with clean air. scalars: density, temperature and, if any, fuel,
    (components, *nodes).
    """
    for side in boundary.sides:
        inward = side.velocity[side.axis] * (-1 if side.upper else 1)
        depth = inward.clamp(min=0) * (dt / grid.dx)
        for number, inlet in enumerate(boundary.inlets):
            there = torch.where(side.inlets == number, depth, 0.0)
            levels = (inlet.density, inlet.temperature, 0.0)[: len(scalars)]
            deepest = math.ceil(top_component(there))
            for layer in range(min(deepest, grid.shape[side.axis])):
                place = grid.shape[side.axis] - 1 - layer if side.upper else layer
                share = (there - layer).clamp(0, 1)
                for component, level in enumerate(levels):
                    cells = scalars[component].select(side.axis, place)
                    held = cells.clone()
                    most = held.clamp(min=level)  # interpolation may leave a little too much
                    cells.copy_(torch.minimum(held + level * share, most))


def part_inside(shape: Shape, grid: Grid, device: torch.device) -> Tensor:
    """The part of each cell inside a shape, (*shape) float32.

    The surface counts as flat in each of the 2^dim parts of a cell, as for the `room` of solids.
    """
    total = torch.zeros(grid.nodes, device=device)
    for offset in itertools.product((0.25, 0.75), repeat=grid.dim):
        distance = shape.distance(grid.positions(offset, device))
        total += (0.5 - distance / (0.5 * grid.dx)).clamp(0, 1)
    return grid.cells(total) / 2**grid.dim
