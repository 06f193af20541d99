"""Sums over floating components on the CPU; see `solvers.floating`.

Parts are numbered as `FloatingComponents.norms` has them: 0 is that of all cells of no component.
Cells are summed in chunks, in a register as long as the part stays the same, and the chunks in
their order, so that results do not depend on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

from solvers import kernel_cache  # noqa: F401

_CELLS = 8192  # of a chunk, at least
_CELLS_A_PART = 16  # so that the sums of all chunks take less memory than the cells
_NO_MEAN = 1e-16  # of the root of the mean square
_KNOWN = 1e-140, 1e140  # norms between these have no square out of range


def remove_means(v: np.ndarray, labels: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """v (n,) without its mean on each component, and without the mean of what remains; v itself
    where its means are no more than rounding leaves.

    One after the other: their sum would be rounded to the digits of the larger one. labels: (n,)
    int32. sizes: cells of each part.
    """
    sums, squares = _sums(v.size, len(sizes)), _sums(v.size, len(sizes))
    _add_up(v, labels, sums, squares)
    cells, total = np.maximum(sizes, 1.0), squares.sum(0)
    spread = np.sqrt(total / cells)
    if np.isfinite(total).all() and (abs(sums.sum(0) / cells) <= _NO_MEAN * spread)[1:].all():
        return v
    result = np.empty_like(v)
    for source in (v, result):
        means = sums.sum(0) / cells
        means[0] = 0.0
        _subtract(source, means, labels, result, sums)
    return result


def products(u: np.ndarray, v: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Sum of u v over each part, (1 + count,)."""
    sums = _sums(v.size, count + 1)
    _multiply(u, v, labels, sums)
    return sums.sum(0)


def norms(v: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Euclidean norm of v on each part, (1 + count,), without under- or overflow."""
    sums, largest = _sums(v.size, count + 1), _sums(v.size, count + 1)
    _square(v, labels, sums, largest)
    found, largest = np.sqrt(sums.sum(0)), largest.max(0)
    least, most = _KNOWN
    known = (largest == 0) | ((found > least) & (found < most))
    return found if known.all() else _scaled_norms(v, labels, largest)


def sizes(labels: np.ndarray, count: int) -> np.ndarray:
    """Cells of each part, (1 + count,) float64."""
    ones = np.ones(labels.size)
    return products(ones, ones, labels, count)


def _sums(cells: int, parts: int) -> np.ndarray:
    return np.zeros((-(-cells // max(_CELLS, _CELLS_A_PART * parts)), parts))


@numba.njit(cache=True, parallel=True)
def _add_up(v, labels, sums, squares):
    """sums[i], squares[i]: of v and v^2 over each part in chunk i; 0 before."""
    cells = max(_CELLS, _CELLS_A_PART * sums.shape[1])
    for chunk in numba.prange(len(sums)):
        part, total, square = 0, 0.0, 0.0
        for cell in range(chunk * cells, min((chunk + 1) * cells, v.size)):
            if labels[cell] + 1 != part:
                sums[chunk, part] += total
                squares[chunk, part] += square
                part, total, square = labels[cell] + 1, 0.0, 0.0
            total += v[cell]
            square += v[cell] * v[cell]
        sums[chunk, part] += total
        squares[chunk, part] += square


@numba.njit(cache=True, parallel=True)
def _subtract(v, means, labels, result, sums):
    """result = v - means[part]; sums[i]: of that over each part in chunk i."""
    cells = max(_CELLS, _CELLS_A_PART * sums.shape[1])
    for chunk in numba.prange(len(sums)):
        sums[chunk] = 0.0
        part, total = 0, 0.0
        for cell in range(chunk * cells, min((chunk + 1) * cells, v.size)):
            if labels[cell] + 1 != part:
                sums[chunk, part] += total
                part, total = labels[cell] + 1, 0.0
            result[cell] = v[cell] - means[part]
            total += result[cell]
        sums[chunk, part] += total


@numba.njit(cache=True, parallel=True)
def _multiply(u, v, labels, sums):
    """sums[i]: of u v over each part in chunk i; 0 before."""
    cells = max(_CELLS, _CELLS_A_PART * sums.shape[1])
    for chunk in numba.prange(len(sums)):
        part, total = 0, 0.0
        for cell in range(chunk * cells, min((chunk + 1) * cells, v.size)):
            if labels[cell] + 1 != part:
                sums[chunk, part] += total
                part, total = labels[cell] + 1, 0.0
            total += u[cell] * v[cell]
        sums[chunk, part] += total


@numba.njit(cache=True, parallel=True)
def _square(v, labels, sums, largest):
    """sums[i], largest[i]: of v^2 and |v| over each part in chunk i, nan where v is; 0 before."""
    cells = max(_CELLS, _CELLS_A_PART * sums.shape[1])
    for chunk in numba.prange(len(sums)):
        part, total, top = 0, 0.0, 0.0
        for cell in range(chunk * cells, min((chunk + 1) * cells, v.size)):
            if labels[cell] + 1 != part:
                sums[chunk, part] += total
                largest[chunk, part] = _larger(largest[chunk, part], top)
                part, total, top = labels[cell] + 1, 0.0, 0.0
            total += v[cell] * v[cell]
            top = _larger(top, abs(v[cell]))
        sums[chunk, part] += total
        largest[chunk, part] = _larger(largest[chunk, part], top)


@numba.njit(cache=True)
def _larger(a, b):
    """The larger one, or nan if one is that."""
    return a if a >= b or a != a else b


@numba.njit(cache=True)
def _scaled_norms(v, labels, largest):
    """The norms, of v over its largest value on each part."""
    squares, inverse = np.zeros(len(largest)), np.ones(len(largest))
    for part in range(len(largest)):
        if largest[part] > 0:
            inverse[part] = min(1.0 / largest[part], 1e300)
    for cell in range(v.size):
        part = labels[cell] + 1
        squares[part] += (v[cell] * inverse[part]) ** 2
    return np.sqrt(squares) / inverse
