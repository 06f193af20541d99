"""Below the learned level: interpolation that no wall crosses, and the V-cycle of multigrid."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from solvers.multigrid import torch_levels
from solvers.multigrid.packed_space import COARSEST_SWEEPS
from solvers.multigrid.solver import relaxation
from solvers.npsdo.image import coarsen, image
from solvers.npsdo.scaling import scaled_weights
from solvers.slicing import lower, upper
from solvers.system import PoissonSystem

# Weights of the nearer and the farther coarse cell along an axis in an interpolated value.
_NEAR, _FAR = 0.75, 0.25
# Smallest share of an interpolated value by which is divided.
_LEAST_SHARE = 1e-3


@dataclass(frozen=True, eq=False)
class Interpolation:
    """Linear interpolation from aggregates of 2^d cells that leaves solids out.

    A value is a mean over the 2^d aggregates nearest to a cell. An aggregate counts unless it is
    all solid, or the cell of it that touches the cell is solid: a wall may be thinner than an
    aggregate.

    weights: float32 (2^d, *shape), of the aggregates in the order of `_corners`; 0 without fluid.
    """

    weights: Tensor

    @classmethod
    def of(cls, finest: Tensor, coarse: Tensor) -> Interpolation:
        """finest, coarse: images (2, *shape + 2) of a level and the next."""
        present = (finest.sum(0) > 0).float()[None]
        exists = (coarse.sum(0) > 0).float()[None]
        inside = (slice(1, -1),) * (finest.ndim - 1)
        fluid = (finest[0][inside] > 0).float()
        shape = tuple(fluid.shape)
        parts = []
        for corner in _corners(len(shape)):
            weight = torch.ones((), device=finest.device)
            here, there = present, exists
            for axis, (far, n) in enumerate(zip(corner, shape, strict=True), start=1):
                weight = weight * (_FAR if far else _NEAR)
                here = _towards(here, axis, far)
                there = _spread(there, axis, far, n + 3).narrow(axis, 2, n)
            parts.append(weight * here[0] * there[0])
        total = torch.stack(parts)
        return cls(total * (fluid / total.sum(0).clamp(min=_LEAST_SHARE)))

    def __call__(self, x: Tensor) -> Tensor:
        """Values on the finer level; x: (batch, *coarse), 0 outside."""
        shape = self.weights.shape[1:]
        total = torch.zeros((), device=x.device)
        for weight, corner in zip(self.weights, _corners(len(shape)), strict=True):
            value = x
            for axis, (far, n) in enumerate(zip(corner, shape, strict=True), start=1):
                value = _spread(value, axis, far, n)
            total = total + weight * value
        return total

    def adjoint(self, y: Tensor) -> Tensor:
        """Sums on the coarser level; y: (batch, *shape)."""
        shape = self.weights.shape[1:]
        total = torch.zeros((), device=y.device)
        for weight, corner in zip(self.weights, _corners(len(shape)), strict=True):
            value = weight * y
            for axis, far in enumerate(corner, start=1):
                value = _gathered(value, axis, far)
            total = total + value
        return total


@dataclass(frozen=True, eq=False)
class Ground:
    """What `SymmetricCycle` needs to know of a system: its image and what lies below.

    finest: image (2, *shape + 2). levels: those of multigrid for the weights of S A S, of which the
    first is not used; only one if the grid is so small that there are none below.
    """

    finest: Tensor
    interpolation: Interpolation
    levels: list[torch_levels.Level]

    @classmethod
    def of(cls, system: PoissonSystem, scale: Tensor) -> Ground:
        """scale: S, the `scaling` of the system."""
        finest = image(system)
        weights = [w.detach() for w in scaled_weights(system, scale)]
        scaled = PoissonSystem(tuple(weights), system.active)
        levels = torch_levels.build_slab(*torch_levels.as_slab(scaled), scaled=False)
        return cls(finest, Interpolation.of(finest, coarsen(finest)), levels)

    def solve(self, b: Tensor) -> Tensor:
        """The V-cycle of multigrid on level 1, for b (batch, *coarse); symmetric in b."""
        if len(self.levels) == 1:
            return torch.zeros_like(b)
        return _Below.apply(b, self.levels)  # pyright: ignore


class _Below(torch.autograd.Function):
    """The V-cycle is its own adjoint."""

    @staticmethod
    def forward(ctx: Any, b: Tensor, levels: list[torch_levels.Level]) -> Tensor:
        ctx.levels = levels
        shape, factors = levels[1].inverse.shape, relaxation(2).tolist()
        solved = [
            torch_levels.cycle_below(levels, each.reshape(shape), factors, COARSEST_SWEEPS)
            for each in b
        ]
        return torch.stack(solved).reshape(b.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Below.forward(ctx, gradients[0], ctx.levels), None


def _corners(dim: int) -> list[tuple[int, ...]]:
    """For each of the 2^d aggregates along which axes it is the farther one."""
    return list(itertools.product((0, 1), repeat=dim))


def _spread(x: Tensor, axis: int, far: int, cells: int) -> Tensor:
    """For each fine cell the value of the nearer or the farther coarse cell along an axis."""
    if far:
        x = torch.stack([_below(x, axis), _above(x, axis)], axis + 1).flatten(axis, axis + 1)
    else:
        x = x.repeat_interleave(2, dim=axis)
    return x.narrow(axis, 0, cells)


def _gathered(y: Tensor, axis: int, far: int) -> Tensor:
    """The adjoint of `_spread`, from all cells of the finer level."""
    if y.shape[axis] % 2:
        y = torch.cat([y, torch.zeros_like(y.narrow(axis, 0, 1))], axis)
    first, second = y.unflatten(axis, (-1, 2)).unbind(axis + 1)
    return _above(first, axis) + _below(second, axis) if far else first + second


def _towards(padded: Tensor, axis: int, far: int) -> Tensor:
    """For each cell its own value, or that of the neighbour towards the farther coarse cell.

    padded has a ring of one cell, the result has none along the axis.
    """
    n = padded.shape[axis] - 2
    if not far:
        return padded.narrow(axis, 1, n)
    even = torch.arange(n, device=padded.device) % 2 == 0
    shape = [n if d == axis else 1 for d in range(padded.ndim)]
    return torch.where(even.reshape(shape), padded.narrow(axis, 0, n), padded.narrow(axis, 2, n))


def _below(x: Tensor, axis: int) -> Tensor:
    """For each cell the value of the cell below it, 0 for the first."""
    return torch.cat([torch.zeros_like(x.narrow(axis, 0, 1)), lower(x, axis)], axis)


def _above(x: Tensor, axis: int) -> Tensor:
    """For each cell the value of the cell above it, 0 for the last."""
    return torch.cat([upper(x, axis), torch.zeros_like(x.narrow(axis, 0, 1))], axis)
