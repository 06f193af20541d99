"""CPU kernels for the ranges of weights; see `solvers.gate.weights` and `solvers.gate.leaks`."""

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401


@numba.njit(cache=True, fastmath={"nnan", "nsz", "reassoc"})
def least_positive(values):
    """The smallest value above 0, inf if there is none; no value is nan."""
    least = np.inf
    for n in range(len(values)):
        least = min(least, values[n] if values[n] > 0 else np.inf)
    return least


@numba.njit(cache=True)
def close_tiny(active, wraps, w0, w1, w2, tiny, most):
    """Set the weights of tiny faces to 0; see `leaks.find_leaks`. most: largest weight.

    Returns the largest weight of a tiny face and the smallest of another, 0 and inf if there are
    none.
    """
    nx, ny, nz = active.shape
    largest, least = 0.0, np.inf
    for axis in range(3):
        weights = w0 if axis == 0 else (w1 if axis == 1 else w2)
        di, dj, dk = int(axis == 0), int(axis == 1), int(axis == 2)
        for i in range(nx + di):
            for j in range(ny + dj):
                for k in range(nz + dk):
                    w = weights[i, j, k]
                    if w <= 0:
                        continue
                    if w < tiny * most:
                        above = _strongest(active, wraps, w0, w1, w2, i, j, k)
                        below = _strongest(active, wraps, w0, w1, w2, i - di, j - dj, k - dk)
                        if above <= 0 and below <= 0:
                            continue
                        both = min(above, below) if min(above, below) > 0 else max(above, below)
                        if w < tiny * both:
                            largest = max(largest, w)
                            weights[i, j, k] = 0
                            continue
                    least = min(least, w)
    return largest, least


@numba.njit(cache=True)
def _strongest(active, wraps, w0, w1, w2, i, j, k):
    """The largest weight around a cell, 0 if it is inactive or outside the grid."""
    nx, ny, nz = active.shape
    i = i % nx if wraps[0] else i
    j = j % ny if wraps[1] else j
    k = k % nz if wraps[2] else k
    if min(i, j, k) < 0 or i >= nx or j >= ny or k >= nz or not active[i, j, k]:
        return 0.0
    most = max(w0[i, j, k], w0[i + 1, j, k], w1[i, j, k], w1[i, j + 1, k])
    return float(max(most, w2[i, j, k], w2[i, j, k + 1]))
