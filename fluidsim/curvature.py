"""Curvature of a level set, for surface tension; central differences, 2D and 3D."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from fluidsim.grid import Grid

NEAR = 2.0  # cells from the surface within which it is sought


def curvature(distance: Tensor, grid: Grid) -> Tensor:
    """div(grad phi / |grad phi|) near the surface, (*shape) float64, 1/m; 0 elsewhere.

    distance phi: (*shape) in cells; positive curvature is that of a ball of negative distance. At
    most 1 / dx, as of drops of the size of a cell. The surface meets the domain's sides squarely.
    """
    pads = (1, 1) * grid.dim
    padded = torch.nn.functional.pad(distance.double()[None, None], pads, mode="replicate")[0, 0]
    strides = padded.stride()
    near = (distance.abs() < NEAR).nonzero()
    centre = sum((near[:, k] + 1) * strides[k] for k in range(grid.dim))
    values = padded.reshape(-1)

    def at(*steps: tuple[int, int]) -> Tensor:
        """Distances at the points so many steps along so many axes away: (axis, step), ..."""
        return values[centre + sum(strides[axis] * step for axis, step in steps)]

    axes = range(grid.dim)
    slope = [(at((k, 1)) - at((k, -1))) / 2 for k in axes]
    square = torch.stack(slope).square().sum(0).clamp(min=1e-12)
    bend = torch.zeros_like(square)
    for k in axes:
        second = at((k, 1)) - 2 * at() + at((k, -1))
        bend += second * (square - slope[k].square())
    for k, m in itertools.combinations(axes, 2):
        mixed = (
            at((k, 1), (m, 1)) - at((k, 1), (m, -1)) - at((k, -1), (m, 1)) + at((k, -1), (m, -1))
        )
        bend -= 2 * slope[k] * slope[m] * mixed / 4
    result = torch.zeros(distance.shape, dtype=torch.float64, device=distance.device)
    result[near.unbind(1)] = (bend / square**1.5).clamp(-1, 1) / grid.dx
    return result
