"""Seeding: new particles in the liquid at the start, and in inflows."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.liquid.contact import KEPT_FROM_SOLID
from fluidsim.solid.movement import Movement
from fluidsim.solid.shapes import Shape
from fluidsim.solid.solids import Solids

Distance = Callable[[Tensor], Tensor]  # signed, of points (..., dim), m
Region = Shape | Movement


def distance_at(region: Region, time: float) -> Distance:
    """The signed distance of a region at a time, as a function of points."""
    if isinstance(region, Movement):
        return lambda points: region.distance(points, time)
    return region.distance


def seed(shape: Shape, solids: Solids, grid: Grid, generator: torch.Generator) -> Tensor:
    """Jittered positions inside `shape` and outside solids, (n, dim) in grid coordinates.

    Each of the 2^dim subcells of a cell gets one particle at a random place.
    """
    return seed_cells(cells_near(shape.distance, grid), shape.distance, solids, generator, 0.0)


def cells_near(distance: Distance, grid: Grid) -> Tensor:
    """The cells (n, dim) float32 in which the distance may be negative."""
    cells = torch.stack(
        torch.meshgrid(*[torch.arange(n, dtype=torch.float32) for n in grid.shape], indexing="ij"),
        dim=-1,
    ).reshape(-1, grid.dim)
    reach = grid.dx * grid.dim**0.5
    return cells[distance(grid.metres(cells + 0.5)) < reach]


def seed_cells(
    cells: Tensor, distance: Distance, solids: Solids, generator: torch.Generator, time: float
) -> Tensor:
    """As `seed`, in `cells` (n, dim) where `distance` is negative, with the solids of `time`, s."""
    dx, dim = solids.grid.dx, solids.grid.dim
    parts = []
    for corner in itertools.product((0.0, 0.5), repeat=dim):
        jitter = torch.rand(cells.shape, generator=generator) * 0.498 + 0.001
        parts.append(cells + torch.tensor(corner) + jitter)
    points = torch.stack(parts, dim=1).reshape(-1, dim)
    world = solids.grid.metres(points)
    solid_distance = solids.distance_at(world.to(solids.device), time).cpu()
    return points[(distance(world) < 0) & (solid_distance > KEPT_FROM_SOLID * dx)]
