"""Floating components: where the pressure is defined up to a constant.

Active cells are connected through faces of positive weight. A component floats when no positive
weight leads out of it to an inactive cell or over the rim of the grid, which a periodic axis does
not have: then constants on it are in the null space of A, and a right-hand side must have zero mean
on it. This file is the only place that knows of gauges: `solvers.solve` removes the means, and
solvers that need a definite matrix take `definite_matrix`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numba
import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

if TYPE_CHECKING:
    from solvers.system import PoissonSystem


@dataclass(frozen=True, eq=False)
class FloatingComponents:
    """Components of active cells without any contact to a known pressure.

    count: how many there are.
    labels: int32, the shape of the grid: the component of a cell, counted from 0 in the order of
        their first cells in memory; -1 in all other cells.
    """

    count: int
    labels: Tensor

    @cached_property
    def pins(self) -> Tensor:
        """Flat index in the grid of the first cell of each component, int64, ascending."""
        return torch.from_numpy(_first_cells(self.labels.cpu().numpy().ravel(), self.count))

    def remove_means(self, v: Tensor) -> Tensor:
        """v with zero mean on each floating component; v itself when there is none.

        v: float64, the shape of the grid. The mean is removed twice, so that what remains of it
        is small against the variation of v even where v is almost constant.
        """
        if self.count == 0:
            return v
        if v.device.type == "cpu":
            result = v.contiguous().numpy().copy()
            _remove_means(result.ravel(), self.labels.numpy().ravel(), self.count)
            return torch.from_numpy(result)
        return self._remove_means_by_torch(v)

    def _remove_means_by_torch(self, v: Tensor) -> Tensor:
        """The definition of `remove_means`, for any device."""
        labels = self.labels.reshape(-1).long() + 1
        sizes = torch.bincount(labels, minlength=self.count + 1).clamp(min=1)
        result = v.reshape(-1)
        for _ in range(2):
            sums = torch.zeros(self.count + 1, dtype=v.dtype, device=v.device)
            means = sums.index_add(0, labels, result) / sizes
            means[0] = 0.0
            result = result - means[labels]
        return result.reshape(v.shape)


def find_floating(system: PoissonSystem) -> FloatingComponents:
    """The floating components of the system; one serial pass over the cells on the CPU."""
    active = system.active.cpu().numpy()
    weights = [w.detach().cpu().contiguous().numpy() for w in system.face_weights]
    if system.dim == 2:
        # A flat grid is a slab one cell thick between two walls.
        active = active[None]
        wall = np.zeros((2, *system.shape), dtype=weights[0].dtype)
        weights = [wall, weights[0][None], weights[1][None]]
    wraps = np.array((False,) * (3 - system.dim) + system.periodic)
    labels, count = _label_floating(np.ascontiguousarray(active), wraps, *weights)
    grid = torch.from_numpy(labels.reshape(system.shape)).to(system.device)
    return FloatingComponents(int(count), grid)


def definite_matrix(system: PoissonSystem) -> sp.csr_matrix:
    """The matrix of `system.to_scipy()` made definite: one cell of each floating component is
    tied to 0 by doubling its diagonal entry (1 where that is 0).

    For a right-hand side with zero mean on every floating component its solution solves the
    system itself, with pressure 0 in the tied cells.
    """
    matrix = system.to_scipy()[0].copy()
    if system.floating.count:
        flat = system.active.cpu().reshape(-1).nonzero().reshape(-1)
        rows = torch.searchsorted(flat, system.floating.pins).numpy()
        diagonal = matrix.diagonal()
        diagonal[rows] = np.where(diagonal[rows] > 0, 2 * diagonal[rows], 1.0)
        matrix.setdiag(diagonal)
    return matrix


@numba.njit(cache=True)
def _root(parent, label):
    """Representative of a label; halves the path on the way."""
    while parent[label] != label:
        parent[label] = parent[parent[label]]
        label = parent[label]
    return label


@numba.njit(cache=True)
def _label_floating(active, wraps, w0, w1, w2):
    """Labels of the floating components of a 3D grid (-1 elsewhere) and their number.

    One union-find over runs: cells in a row along the last axis share a provisional label as
    long as they are connected, so most cells cost a copy. The smaller label becomes the parent,
    which keeps roots in the order of the first cells. wraps: which axes are periodic.
    """
    nx, ny, nz = active.shape
    labels = np.full((nx, ny, nz), -1, dtype=np.int32)
    parent = np.empty(active.size, dtype=np.int32)
    grounded = np.zeros(active.size, dtype=np.bool_)
    used = 0
    for i in range(nx):
        for j in range(ny):
            joined0, joined1 = -1, -1  # neighbours' labels that the present run has met last
            for k in range(nz):
                if not active[i, j, k]:
                    continue
                if k > 0 and w2[i, j, k] > 0 and active[i, j, k - 1]:
                    label = labels[i, j, k - 1]
                else:
                    label = np.int32(used)
                    parent[used] = label
                    used += 1
                    joined0, joined1 = -1, -1
                labels[i, j, k] = label
                if i > 0 and w0[i, j, k] > 0 and active[i - 1, j, k]:
                    if labels[i - 1, j, k] != joined0:
                        joined0 = labels[i - 1, j, k]
                        _join(parent, label, joined0)
                if j > 0 and w1[i, j, k] > 0 and active[i, j - 1, k]:
                    if labels[i, j - 1, k] != joined1:
                        joined1 = labels[i, j - 1, k]
                        _join(parent, label, joined1)
                if wraps[0] and i == nx - 1 and w0[nx, j, k] > 0 and active[0, j, k]:
                    _join(parent, label, labels[0, j, k])
                if wraps[1] and j == ny - 1 and w1[i, ny, k] > 0 and active[i, 0, k]:
                    _join(parent, label, labels[i, 0, k])
                if wraps[2] and k == nz - 1 and w2[i, j, nz] > 0 and active[i, j, 0]:
                    _join(parent, label, labels[i, j, 0])
                if (
                    (w0[i, j, k] > 0 and not _is_active(active, i - 1, j, k, wraps))
                    or (w1[i, j, k] > 0 and not _is_active(active, i, j - 1, k, wraps))
                    or (w2[i, j, k] > 0 and not _is_active(active, i, j, k - 1, wraps))
                    or (w0[i + 1, j, k] > 0 and not _is_active(active, i + 1, j, k, wraps))
                    or (w1[i, j + 1, k] > 0 and not _is_active(active, i, j + 1, k, wraps))
                    or (w2[i, j, k + 1] > 0 and not _is_active(active, i, j, k + 1, wraps))
                ):
                    grounded[label] = True
    for label in range(used):
        if grounded[label]:
            grounded[_root(parent, label)] = True
    final = np.empty(max(used, 1), dtype=np.int32)
    count = 0
    for label in range(used):
        root = _root(parent, label)
        if grounded[root]:
            final[label] = -1
        elif root == label:
            final[label] = count
            count += 1
        else:
            final[label] = final[root]
    flat = labels.ravel()
    for cell in range(flat.size):
        if flat[cell] >= 0:
            flat[cell] = final[flat[cell]]
    return labels, count


@numba.njit(cache=True)
def _is_active(active, i, j, k, wraps):
    """Whether a cell is active, one beyond the rim being the first or last of a periodic axis."""
    nx, ny, nz = active.shape
    if i < 0 or i == nx:
        return wraps[0] and active[nx - 1 if i < 0 else 0, j, k]
    if j < 0 or j == ny:
        return wraps[1] and active[i, ny - 1 if j < 0 else 0, k]
    if k < 0 or k == nz:
        return wraps[2] and active[i, j, nz - 1 if k < 0 else 0]
    return active[i, j, k]


@numba.njit(cache=True)
def _join(parent, a, b):
    """Unite the sets of two labels under the smaller root."""
    a, b = _root(parent, a), _root(parent, b)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


@numba.njit(cache=True)
def _first_cells(labels, count):
    cells = np.empty(count, dtype=np.int64)
    found = 0
    for cell in range(labels.size):
        if labels[cell] == found:  # labels are counted in the order of first cells
            cells[found] = cell
            found += 1
    return cells


@numba.njit(cache=True)
def _remove_means(v, labels, count):
    """Subtract from v, in place, its mean on each component, and the mean of what remains."""
    means = _component_means(v, labels, np.zeros(count + 1))
    means += _component_means(v, labels, means)
    for cell in range(v.size):
        v[cell] -= means[labels[cell] + 1]


@numba.njit(cache=True)
def _component_means(v, labels, shifts):
    """Means of v - shift on each component; entry 0, for all other cells, is 0.

    Sums run in a register as long as the label stays the same.
    """
    sums, sizes = np.zeros(len(shifts)), np.zeros(len(shifts))
    label, total, size = 0, 0.0, 0
    for cell in range(v.size):
        if labels[cell] + 1 != label:
            sums[label] += total
            sizes[label] += size
            label, total, size = labels[cell] + 1, 0.0, 0
        total += v[cell] - shifts[label]
        size += 1
    sums[label] += total
    sizes[label] += size
    sums[0] = 0.0
    return sums / np.maximum(sizes, 1.0)
