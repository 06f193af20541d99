"""CPU kernels that find floating components; see `solvers.floating`."""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401


@numba.njit(cache=True)
def _root(parent, label):
    """Representative of a label; halves the path on the way."""
    while parent[label] != label:
        parent[label] = parent[parent[label]]
        label = parent[label]
    return label


@numba.njit(cache=True)
def label_floating(active, wraps, w0, w1, w2):
    """Labels of the floating components of a 3D grid (-1 elsewhere) and their number.

    One union-find over runs: cells in a row along the last axis share a provisional label as
    long as they are connected, so most cells cost a copy. The smaller label becomes the parent,
    which keeps roots in the order of the first cells. Where two runs meet of which one is known to
    be grounded the other is, too, and needs no parent. wraps: which axes are periodic.
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
                        _meet(parent, grounded, label, joined0)
                if j > 0 and w1[i, j, k] > 0 and active[i, j - 1, k]:
                    if labels[i, j - 1, k] != joined1:
                        joined1 = labels[i, j - 1, k]
                        _meet(parent, grounded, label, joined1)
                if wraps[0] and i == nx - 1 and w0[nx, j, k] > 0 and active[0, j, k]:
                    _join(parent, label, labels[0, j, k])
                if wraps[1] and j == ny - 1 and w1[i, ny, k] > 0 and active[i, 0, k]:
                    _join(parent, label, labels[i, 0, k])
                if wraps[2] and k == nz - 1 and w2[i, j, nz] > 0 and active[i, j, 0]:
                    _join(parent, label, labels[i, j, 0])
                if not grounded[label] and (
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
def _meet(parent, grounded, a, b):
    """Unite the sets of two labels, unless all that matters of them is known: both are grounded."""
    if not (grounded[a] and grounded[b]):
        _join(parent, a, b)
        if grounded[b]:
            grounded[a] = True


@numba.njit(cache=True)
def _join(parent, a, b):
    """Unite the sets of two labels under the smaller root."""
    a, b = _root(parent, a), _root(parent, b)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


@numba.njit(cache=True)
def first_cells(labels, count):
    """Flat index of the first cell of each component."""
    cells = np.empty(count, dtype=np.int64)
    found = 0
    for cell in range(labels.size):
        if labels[cell] == found:  # labels are counted in the order of first cells
            cells[found] = cell
            found += 1
    return cells
