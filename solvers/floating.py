"""Floating components: regions where the pressure is defined only up to a constant.

Active cells are connected through faces of positive weight. A component floats when no positive
weight leads out of it to an inactive cell or across the rim of the grid (a periodic axis has no
rim). Constants on it are then in the null space of A, and a right-hand side must have zero mean on
it. `solvers.solve` removes these means; solvers that need a definite matrix take the one that
`solvers.nullspace` makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

_FEW = 8  # components


def _norm(v: Tensor) -> Tensor:
    """The Euclidean norm, also of values whose squares are out of range."""
    largest = v.abs().max()
    scale = torch.where(largest > 0, largest, 1.0)
    return torch.linalg.vector_norm(v / scale) * scale


def _flat(v: Tensor) -> np.ndarray:
    return v.contiguous().numpy().ravel()


@dataclass(frozen=True, eq=False)
class FloatingComponents:
    """Components of active cells that touch no known pressure.

    count: number of components.
    labels: int32, shape of the grid: the component of each cell, numbered from 0 in the order of
        their first cells in memory; -1 in all other cells.
    """

    count: int
    labels: Tensor

    @cached_property
    def pins(self) -> Tensor:
        """Flat grid index of the first cell of each component, int64, ascending."""
        from solvers.floating_kernels import first_cells

        return torch.from_numpy(first_cells(self.labels.cpu().numpy().ravel(), self.count))

    def remove_means(self, v: Tensor) -> Tensor:
        """v with zero mean on each floating component; v itself where it has that already.

        v: float64, shape of the grid. The mean is removed twice, so that its remainder is small
        compared with the variation of v even where v is almost constant.
        """
        if self.count == 0:
            return v
        if v.device.type == "cpu":
            from solvers.floating_sums import remove_means

            result = remove_means(_flat(v), _flat(self.labels), self._sizes)
            return torch.from_numpy(result.reshape(v.shape))
        return self._remove_means_by_torch(v)

    def norms(self, v: Tensor) -> Tensor:
        """Norm of v on each floating component, and on all other cells: (1 + count,), on the CPU.

        v: float64, shape of the grid. Entry 0 is that of all other cells.
        """
        if self.count == 0:
            norm = torch.linalg.vector_norm(v).cpu()
            known = 1e-140 < norm < 1e140  # in between no square was out of range
            return (norm if known else _norm(v).cpu()).reshape(1)
        if v.device.type == "cpu":
            from solvers.floating_sums import norms

            return torch.from_numpy(norms(_flat(v), _flat(self.labels), self.count))
        return self._norms_by_torch(v).cpu()

    def sums(self, v: Tensor) -> Tensor:
        """Sum of v over each floating component: (count,), on the CPU."""
        return self.products(v, torch.ones_like(v))[1:]

    def products(self, u: Tensor, v: Tensor) -> Tensor:
        """Sum of u v over the parts, laid out as those of `norms`: (1 + count,), on the CPU."""
        if self.count == 0:
            return torch.dot(u.reshape(-1), v.reshape(-1)).cpu().reshape(1)
        if v.device.type == "cpu":
            from solvers.floating_sums import products

            found = products(_flat(u), _flat(v), _flat(self.labels), self.count)
            return torch.from_numpy(found)
        return self._products_by_torch(u, v).cpu()

    def spread(self, values: Tensor) -> Tensor:
        """The grid tensor with a value for each component, laid out as those of `norms`."""
        return values.to(self.labels.device)[self.labels.long() + 1]

    @cached_property
    def _sizes(self) -> np.ndarray:
        from solvers.floating_sums import sizes

        return sizes(_flat(self.labels), self.count)

    def _each(self) -> Iterator[Tensor]:
        """The cells of each component: adding up by label would serialise a few large ones."""
        return (self.labels == component for component in range(self.count))

    def _norms_by_torch(self, v: Tensor) -> Tensor:
        """The definition of `norms`, for any device."""
        if self.count <= _FEW:
            parts = [torch.where(inside, v, 0.0) for inside in (self.labels < 0, *self._each())]
            return torch.stack([_norm(part) for part in parts])
        labels, size = self.labels.reshape(-1).long() + 1, v.reshape(-1).abs()
        zeros = torch.zeros(self.count + 1, dtype=v.dtype, device=v.device)
        largest = zeros.scatter_reduce(0, labels, size, "amax")
        inverse = torch.where(largest > 0, 1.0 / largest, 1.0).clamp(max=1e300)
        return zeros.index_add(0, labels, (size * inverse[labels]) ** 2).sqrt() / inverse

    def _products_by_torch(self, u: Tensor, v: Tensor) -> Tensor:
        """The definition of `products`, for any device."""
        both = u * v
        if self.count <= _FEW:
            parts = (self.labels < 0, *self._each())
            return torch.stack([torch.where(inside, both, 0.0).sum() for inside in parts])
        labels = self.labels.reshape(-1).long() + 1
        sums = torch.zeros(self.count + 1, dtype=v.dtype, device=v.device)
        return sums.index_add(0, labels, both.reshape(-1))

    def _remove_means_by_torch(self, v: Tensor) -> Tensor:
        """The definition of `remove_means`, for any device."""
        if self.count <= _FEW:
            for inside in self._each():
                for _ in range(2):
                    mean = torch.where(inside, v, 0.0).sum() / inside.sum()
                    v = torch.where(inside, v - mean, v)
            return v
        labels = self.labels.reshape(-1).long() + 1
        sizes = torch.bincount(labels, minlength=self.count + 1).clamp(min=1)
        result = v.reshape(-1)
        for _ in range(2):
            sums = torch.zeros(self.count + 1, dtype=v.dtype, device=v.device)
            means = sums.index_add(0, labels, result) / sizes
            means[0] = 0.0
            result = result - means[labels]
        return result.reshape(v.shape)


def find_floating(
    active: Tensor, face_weights: Sequence[Tensor], periodic: Sequence[bool]
) -> FloatingComponents:
    """Floating components of a system (arguments as of `PoissonSystem`).

    On the CPU the search is one serial pass over the cells.
    """
    if active.device.type != "cpu":
        from solvers import floating_torch

        labels, count = floating_torch.label_floating(active, face_weights, periodic)
        return FloatingComponents(count, labels)
    from solvers.floating_kernels import label_floating

    labels, count = label_floating(*as_slab(active, face_weights, periodic))
    return FloatingComponents(int(count), torch.from_numpy(labels.reshape(tuple(active.shape))))


def as_slab(
    active: Tensor, face_weights: Sequence[Tensor], periodic: Sequence[bool]
) -> tuple[np.ndarray, ...]:
    """Mask, periodic axes and weights in three dimensions, for kernels on the CPU.

    A flat grid becomes a slab one cell thick between two walls.
    """
    cells = active.cpu().numpy()
    weights = [w.detach().cpu().contiguous().numpy() for w in face_weights]
    if active.ndim == 2:
        cells = cells[None]
        wall = np.zeros((2, *active.shape), dtype=weights[0].dtype)
        weights = [wall, weights[0][None], weights[1][None]]
    wraps = np.array([False] * (3 - active.ndim) + list(periodic))
    return (np.ascontiguousarray(cells), wraps, *weights)
