"""Deflated conjugate gradients: the part of the solution in a small subspace is found directly.

Saad, Yeung, Erhel & Guyomarc'h (2000), A deflated version of the conjugate gradient algorithm, SIAM
J. Sci. Comput. 21, algorithm 3.1. Vectors are float64 (n,) over the unknowns of a system, on its
device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from solvers.krylov.vector_space import VectorSpace

Map = Callable[[Tensor], Tensor]

# Directions of the subspace that hold less than this part of the energy of others are rounding.
_RANK = 1e-10
_SINGLE = 1e-5  # the same for mass summed in float32


@dataclass(frozen=True, eq=False)
class Subspace:
    """The rows of W, (k, n), with A W.

    energy: W A W^T, (k, k). factor: F of its inverse F F^T, (k, rank).
    """

    rows: Tensor
    images: Tensor
    energy: Tensor
    factor: Tensor

    @classmethod
    def of(cls, rows: Tensor, product: Map) -> Subspace:
        """Rows that depend on the others, or that A maps to 0, are left out in effect."""
        images = torch.stack([product(row) for row in rows]) if len(rows) else rows
        energy = images @ rows.T
        diagonal = energy.diagonal()
        scale = torch.where(diagonal > 0, diagonal, torch.inf).rsqrt()
        values, vectors = torch.linalg.eigh(scale[:, None] * (energy + energy.T) / 2 * scale)
        seen = values > _RANK * len(rows)
        factor = scale[:, None] * vectors[:, seen] * values[seen].rsqrt()
        return cls(rows, images, energy, factor)

    def correction(self, r: Tensor) -> tuple[Tensor, Tensor]:
        """The z in the subspace for which r - A z is orthogonal to it; z and A z."""
        parts = self.factor @ (self.factor.T @ (self.rows @ r))
        return self.rows.T @ parts, self.images.T @ parts

    def without(self, z: Tensor) -> Tensor:
        """z made A-orthogonal to the subspace."""
        parts = self.factor @ (self.factor.T @ (self.images @ z))
        return torch.addmv(z, self.rows.T, parts, alpha=-1.0)


class Directions:
    """Search directions of a solve, A-orthogonal to each other: at most `most`, evenly spread.

    rows: float64 (n,) each. energies: (p, A p) of each.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.rows: list[Tensor] = []
        self.energies: list[float] = []
        self._seen, self._stride = 0, 1

    def add(self, p: Tensor, energy: float) -> None:
        """Look at the next one, which nobody will change."""
        if self._seen % self._stride == 0:
            if len(self.rows) == self.most:
                self.rows, self.energies = self.rows[::2], self.energies[::2]
                self._stride *= 2
            if self._seen % self._stride == 0:
                self.rows.append(p)
                self.energies.append(energy)
        self._seen += 1


class DeflatedSpace(VectorSpace):
    """A `pcg.Workspace` whose search directions are A-orthogonal to a subspace.

    directions: takes note of those of the first cycle.
    """

    subspace: Subspace
    directions: Directions

    def deflate(self, subspace: Subspace, directions: Directions) -> DeflatedSpace:
        """Itself, after it was told what to leave out and what to note."""
        self.subspace, self.directions = subspace, directions
        self._cycles = 0
        return self

    def dot(self, a: Tensor, b: Tensor) -> float:
        return float(torch.dot(a, b))

    def start(self) -> tuple[float, float]:
        self._cycles += 1
        self.r = self.b - self.apply(self.x)
        if self.norm(self.r) > self.target:
            change, image = self.subspace.correction(self.r)
            self.x += change
            self.r -= image
        self.z = self.r
        sums = self.preconditioned()
        self.p = self.subspace.without(self.z)
        return sums

    def product(self) -> float:
        energy = super().product()
        if self._cycles == 1:
            self.directions.add(self.p, energy)
        return energy

    def turn(self, beta: float) -> None:
        self.p = self.subspace.without(torch.add(self.z, self.p, alpha=beta))


def slowest(rows: Tensor, energy: Tensor, diagonal: Tensor, count: int) -> Tensor:
    """The `count` Ritz vectors of smallest value of the pair (A, D) in a subspace.

    They stand for the eigenvectors that slow down preconditioned iterations.

    rows: (m, n). energy: (m, m), their products with A. diagonal: D, positive.
    Returns at most `count` rows, float32; their sums over n are summed in float32, too.
    """
    norms = torch.linalg.vector_norm(rows, dim=1)
    scale = torch.where(norms > 0, norms, torch.inf).reciprocal()
    rows, energy = (rows * scale[:, None]).float(), scale[:, None] * energy * scale
    diagonal = (diagonal / diagonal.max()).float()
    mass = ((rows * diagonal) @ rows.T).double()
    scale = torch.where(mass.diagonal() > 0, mass.diagonal(), torch.inf).rsqrt()
    values, vectors = torch.linalg.eigh(scale[:, None] * mass * scale)
    seen = values > _SINGLE * len(rows)
    basis = scale[:, None] * vectors[:, seen] * values[seen].rsqrt()
    chosen = torch.linalg.eigh(basis.T @ energy @ basis)[1][:, :count]
    return (basis @ chosen).T.float() @ rows
