"""The elimination of a batch of dense fronts, and what remains of it: Cholesky and LU, by torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor


class Panel(Protocol):
    """The factor of a batch, for substitutions in x (systems, boxes, rows, right-hand sides).

    Both methods change x in place.
    """

    def forward(self, x: Tensor, transpose: bool) -> None: ...

    def backward(self, x: Tensor, transpose: bool) -> None: ...


AnyPanel = TypeVar("AnyPanel", bound=Panel)
# Takes the fronts (systems, boxes, rows, rows) and the number of pivots, and returns the panel and
# the Schur complement.
Elimination = Callable[[Tensor, int], tuple[AnyPanel, Tensor]]


@dataclass(frozen=True, eq=False)
class CholeskyPanel:
    """Cholesky of the pivots, and the rows of L below them.

    inverse: L^-1 of the pivots, (..., pivots, pivots). below: the remaining rows of L. doubtful:
    number of boxes that rounding made indefinite, and that a shift of the diagonal made definite.
    """

    inverse: Tensor
    below: Tensor
    doubtful: int

    def forward(self, x: Tensor, transpose: bool) -> None:
        pivots = self.inverse.shape[-1]
        x[:, :, :pivots] = self.inverse @ x[:, :, :pivots]
        x[:, :, pivots:] -= self.below @ x[:, :, :pivots]

    def backward(self, x: Tensor, transpose: bool) -> None:
        pivots = self.inverse.shape[-1]
        held = x[:, :, :pivots] - self.below.mT @ x[:, :, pivots:]
        x[:, :, :pivots] = self.inverse.mT @ held


def cholesky(fronts: Tensor, pivots: int) -> tuple[CholeskyPanel, Tensor]:
    """Eliminate the pivots of symmetric fronts, given by their lower triangles."""
    corner = fronts[:, :, :pivots, :pivots]
    unit = torch.eye(pivots, dtype=fronts.dtype, device=fronts.device)
    triangle, failed = torch.linalg.cholesky_ex(corner)
    doubtful = int((failed > 0).sum())
    if doubtful:
        largest = corner.diagonal(dim1=-2, dim2=-1).abs().amax(dim=-1)
        shift = torch.where(failed > 0, largest * torch.finfo(fronts.dtype).eps ** 0.5, 0.0)
        triangle, _ = torch.linalg.cholesky_ex(corner + shift[..., None, None] * unit)
    inverse = torch.linalg.solve_triangular(triangle, unit.expand_as(corner), upper=False)
    below = fronts[:, :, pivots:, :pivots] @ inverse.mT
    complement = fronts[:, :, pivots:, pivots:] - below @ below.mT
    return CholeskyPanel(inverse, below, doubtful), complement


@dataclass(frozen=True, eq=False)
class LUPanel:
    """LU of the pivots with row exchanges, and the blocks beside them: A21 and A11^-1 A12."""

    factor: Tensor
    exchanges: Tensor
    below: Tensor
    right: Tensor

    def forward(self, x: Tensor, transpose: bool) -> None:
        pivots = self.factor.shape[-1]
        if transpose:
            x[:, :, pivots:] -= self.right.mT @ x[:, :, :pivots]
        else:
            x[:, :, :pivots] = self._divide(x[:, :, :pivots])
            x[:, :, pivots:] -= self.below @ x[:, :, :pivots]

    def backward(self, x: Tensor, transpose: bool) -> None:
        pivots = self.factor.shape[-1]
        if transpose:
            held = x[:, :, :pivots] - self.below.mT @ x[:, :, pivots:]
            x[:, :, :pivots] = self._divide(held.conj(), adjoint=True).conj()
        else:
            x[:, :, :pivots] -= self.right @ x[:, :, pivots:]

    def _divide(self, b: Tensor, adjoint: bool = False) -> Tensor:
        if 0 in b.shape:
            return b
        return torch.linalg.lu_solve(self.factor, self.exchanges, b, adjoint=adjoint)


def lu(fronts: Tensor, pivots: int) -> tuple[LUPanel, Tensor]:
    """Eliminate the pivots of general fronts, with row exchanges among the pivots of a box."""
    corner, beside = fronts[:, :, :pivots, :pivots], fronts[:, :, :pivots, pivots:]
    below = fronts[:, :, pivots:, :pivots].clone()
    factor, exchanges, _ = torch.linalg.lu_factor_ex(corner.contiguous())
    right = torch.zeros_like(beside)
    if pivots and beside.shape[-1]:
        right = torch.linalg.lu_solve(factor, exchanges, beside)
    return LUPanel(factor, exchanges, below, right), fronts[:, :, pivots:, pivots:] - below @ right
