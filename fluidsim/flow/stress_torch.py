"""The stress of a strained flow and its forces, as torch expressions: what the kernels of stress.py
are. Fields are float64; points of periodic axes that are stored twice are made equal."""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.flow.strain import above, below
from fluidsim.grid.grid import Grid


def stress_as_defined(velocity: Tensor, factors: Tensor, grid: Grid) -> Tensor:
    """[i, j]: factors[i, j] times sample (i, j) of the strain, (dim, dim, *nodes); see `Strain`.

    velocity: (dim, *nodes), m/s, which is written on along periodic axes.
    """
    close_velocity(velocity, grid)
    result = torch.zeros_like(factors, dtype=torch.float64)
    for i in range(grid.dim):
        along = above(velocity[i], i, 0.0, grid) - velocity[i]
        result[i, i] = factors[i, i].double() ** 2 * along
        for j in range(i + 1, grid.dim):
            first, second = factors[i, j].double(), factors[j, i].double()
            sample = first * (velocity[i] - below(velocity[i], j, 0.0, grid))
            sample = sample + second * (velocity[j] - below(velocity[j], i, 0.0, grid))
            result[i, j], result[j, i] = first * sample, second * sample
    close_stress(result, grid)
    return result


def forces_of(stress: Tensor, grid: Grid) -> Tensor:
    """Minus the divergence that belongs to the differences of the strain, (dim, *nodes)."""
    components = []
    for i in range(grid.dim):
        total = torch.zeros_like(stress[i, i])
        for j in range(grid.dim):
            own = stress[i, j]
            if i == j:
                total = total + own - below(own, j, 0.0, grid)
            else:
                total = total + above(own, j, 0.0, grid) - own
        components.append(total)
    return torch.stack(components)


def close_velocity(velocity: Tensor, grid: Grid) -> None:
    """Copy the velocity (dim, *nodes) of free points to their duplicates at the ends of periodic
    axes, in place."""
    for axis in grid.periodic:
        for component in range(grid.dim):
            values = velocity[component]
            first, last = values.select(axis, 0), values.select(axis, grid.shape[axis])
            if component == axis:
                first.copy_(last)
            else:
                last.copy_(first)


def close_stress(stress: Tensor, grid: Grid) -> None:
    """The same for the stress; along such an axis its first cells and its last edges count."""
    for axis in grid.periodic:
        for i in range(grid.dim):
            for j in range(grid.dim):
                samples = stress[i, j]
                first, last = samples.select(axis, 0), samples.select(axis, grid.shape[axis])
                if i == j == axis:
                    last.copy_(first)
                elif i != j and axis in (i, j):
                    first.copy_(last)
