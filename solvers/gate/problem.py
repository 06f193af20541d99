"""One right-hand side of a system: brought to a common scale, and a judge of pressures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from solvers.slicing import lower, upper
from solvers.system import PoissonSystem

# A right-hand side that shrinks by more than this factor when its means are removed was constant
# up to rounding.
_ROUNDING = 1e-14
_EPSILON = torch.finfo(torch.float64).eps
# Rounding errors of residuals are looked at where they may exceed this part of the tolerance.
_VISIBLE = 0.01
# A guess is left where less than this multiple of it is best.
_LEAST_MULTIPLE = 0.1
# Numbers beyond 2 to this power, up or down, are scaled: squares and products of them overflow.
_MOST_EXPONENT = 200


@dataclass(frozen=True, eq=False)
class Problem:
    """A right-hand side with zero mean on floating components, and the norms of its parts.

    The parts of a grid are its floating components and, first, the rest: the equations of one say
    nothing about another. A pressure is judged on each part by itself, so that none hides behind
    one with larger numbers.

    system: its weights are not far from 1. b: right-hand side, 0 on floating components where it
        was constant up to rounding. norms: of b, see `FloatingComponents.norms`.
    """

    system: PoissonSystem
    b: Tensor
    norms: Tensor

    @classmethod
    def of(cls, system: PoissonSystem, rhs: Tensor) -> Problem:
        """rhs: float64, shape of the grid, 0 in inactive cells."""
        floating = system.floating
        b = floating.remove_means(rhs)
        norms = floating.norms(b)
        if floating.count:
            constant = norms <= _ROUNDING * floating.norms(rhs)
            if (constant & (norms > 0)).any():
                b = torch.where(floating.spread(constant), 0.0, b)
                norms = torch.where(constant, 0.0, norms)
        return cls(system, b, norms)

    @property
    def is_zero(self) -> bool:
        """Whether the pressure is 0."""
        return not (self.norms > 0).any()

    def useful(self, guess: Tensor) -> Tensor | None:
        """The guess, 0 on parts where it leads elsewhere; None if it does so on all of them.

        What counts is the multiple of the guess that is nearest to the pressure in the A-norm, and
        not the residual, which a step along a surface that has moved makes larger than that of 0,
        although it is soon smoothed away.
        """
        floating = self.system.floating
        guess = floating.remove_means(guess)
        with_b = floating.products(guess, self.b)
        energies = with_b - floating.products(guess, self.residual(guess))
        helps = (with_b > 0) & (with_b >= _LEAST_MULTIPLE * energies)
        if not helps.any():
            return None
        if (helps | ((with_b == 0) & (energies == 0))).all():
            return guess
        return torch.where(floating.spread(helps), guess, 0.0)

    def solution(self, p: Tensor) -> Tensor:
        """p as a solution is: without means, and 0 on parts where b is 0."""
        empty = self.norms == 0
        if self.system.floating.count and empty[1:].any():
            p = torch.where(self.system.floating.spread(empty), 0.0, p)
        return self.system.floating.remove_means(p)

    def residual(self, p: Tensor) -> Tensor:
        """b - A p: by kernels on the CPU, by torch elsewhere."""
        if self.system.device.type != "cpu":
            return self.b - self.system.apply(p)
        from solvers.row_layout import residual

        return residual(self.system, self.b, p)

    def relative_residuals(self, p: Tensor, rtol: float, largest_weight: float) -> Tensor:
        """||b - A p|| / ||b|| on each part, on the CPU; 0 where both are 0.

        Where rounding may decide whether rtol is met, it is the larger of two sums: by differences
        of p across faces, and by rows of the matrix.
        """
        if self.is_zero:
            return torch.zeros_like(self.norms)
        norms = self.system.floating.norms(self.residual(p))
        found = self.norms[self.norms > 0]
        rounding = 2 * self.system.dim * largest_weight * float(torch.linalg.vector_norm(p))
        if not _EPSILON * rounding <= _VISIBLE * rtol * float(found.min()):
            by_rows = self.system.floating.norms(self.b - _product_by_rows(self.system, p))
            norms = torch.maximum(norms, by_rows)
        return torch.where(norms > 0, norms / self.norms, norms)


def far_exponent(largest: float) -> int:
    """The exponent e for which largest / 2^e is about 1; 0 unless it is far from 1 already."""
    exponent = math.frexp(largest)[1]
    return exponent if abs(exponent) > _MOST_EXPONENT else 0


def times_power(values: Tensor, exponent: int) -> Tensor:
    """values * 2^exponent, in float64 steps that 2^exponent may exceed."""
    while exponent:
        step = max(-1000, min(exponent, 1000))
        values, exponent = values * 2.0**step, exponent - step
    return values


def _product_by_rows(system: PoissonSystem, p: Tensor) -> Tensor:
    """A p as the sum of diagonal and off-diagonal entries times p, as a sparse matrix does it."""
    total = system.diagonal() * p
    for axis, weights in enumerate(system.face_weights):
        n = system.shape[axis]
        first, last = p.narrow(axis, 0, 1), p.narrow(axis, n - 1, 1)
        if not system.periodic[axis]:
            first = last = torch.zeros_like(first)
        around = torch.cat((last, p, first), axis)
        total -= lower(weights, axis) * around.narrow(axis, 0, n)
        total -= upper(weights, axis) * around.narrow(axis, 2, n)
    return torch.where(system.active, total, 0.0)
