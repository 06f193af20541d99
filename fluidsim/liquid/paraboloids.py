"""Paraboloids fitted to points of a surface, and the curvature at each point.

Torch expressions define it and run on any device; on the CPU a kernel over points does the same in
one pass.
"""

from __future__ import annotations

import itertools

import numba
import numpy as np
import torch
from torch import Tensor

from solvers import kernel_cache  # noqa: F401

REACH = 3  # cells to each side in which points are sought
RADIUS = 2.5  # cells: farther points do not count
POWER = 4  # weights (1 - r^2 / RADIUS^2)^POWER: nearly a Gaussian, which damps all noise
ALIGNED = 0.2  # least cosine between normals; leaves out the other side of a thin sheet
RIDGE = 1e-6  # added to squared slopes and bends, in case there are too few points


def bends_as_defined(
    points: Tensor, normals: Tensor, cells: Tensor, numbers: Tensor, count: int
) -> Tensor:
    """Sum of the principal curvatures at the first `count` points, (count,), 1/cells.

    points, normals: (m, dim) float64, in cells. cells: (m,) int64, flat index in `numbers`.
    numbers: (*shape, dim) int32, the points of each cell, -1 for none. No cell is within REACH of
    the rim.
    """
    dim = points.shape[1]
    at, normal, cell = points[:count], normals[:count], cells[:count]
    frame = _tangents(normal)
    pairs = list(itertools.combinations_with_replacement(range(dim - 1), 2))
    terms = 1 + dim - 1 + len(pairs)
    matrix = points.new_zeros(count, terms, terms)
    right = points.new_zeros(count, terms)
    strides = numbers[..., 0].contiguous().stride()
    for step in itertools.product(range(-REACH, REACH + 1), repeat=dim):
        shift = sum(s * stride for s, stride in zip(step, strides, strict=True))
        for number in numbers.view(-1, dim)[cell + shift].unbind(1):
            arm = points[number] - at
            square = arm.square().sum(1)
            aligned = (normals[number] * normal).sum(1) >= ALIGNED
            counts = (number >= 0) & (square < RADIUS**2) & aligned
            weight = torch.where(counts, (1 - square / RADIUS**2) ** POWER, 0.0)
            place = [(arm * tangent).sum(1) for tangent in frame]
            squares = [place[a] * place[b] * (0.5 if a == b else 1.0) for a, b in pairs]
            row = torch.stack([torch.ones_like(square), *place, *squares], 1)
            weighted = row * weight[:, None]
            matrix += weighted[:, :, None] * row[:, None]
            right += weighted * (arm * normal).sum(1)[:, None]
    diagonal = torch.full((terms,), RIDGE, dtype=points.dtype, device=points.device)
    diagonal[0] = 0.0
    fit = torch.linalg.solve(matrix + torch.diag(diagonal), right)
    slopes = fit[:, 1:dim]
    length = 1 + slopes.square().sum(1)
    total = torch.zeros_like(length)
    for k, (a, b) in enumerate(pairs, dim):
        across = slopes[:, a] * slopes[:, b]
        total += fit[:, k] * (length - across if a == b else -2 * across)
    return -total / length**1.5


def _tangents(normal: Tensor) -> list[Tensor]:
    """Unit vectors (n, dim) that form an orthogonal basis with `normal` (n, dim): the columns of a
    Householder reflection."""
    last = normal[:, -1]
    mirror = normal.clone()
    mirror[:, -1] += torch.where(last < 0, -1.0, 1.0)
    scale = 1 / (1 + last.abs())
    frame = []
    for k in range(normal.shape[1] - 1):
        tangent = -mirror * (mirror[:, k] * scale)[:, None]
        tangent[:, k] += 1
        frame.append(tangent)
    return frame


def bends(points: Tensor, normals: Tensor, cells: Tensor, numbers: Tensor, count: int) -> Tensor:
    """What `bends_as_defined` returns."""
    dim = points.shape[1]
    steps = np.array(list(itertools.product(range(-REACH, REACH + 1), repeat=dim)))
    shifts = steps @ np.array(numbers[..., 0].contiguous().stride())
    result = np.empty(count)
    _fit(
        points.numpy(), normals.numpy(), cells.numpy(), numbers.view(-1, dim).numpy(), shifts,
        result,
    )  # fmt: skip
    return torch.from_numpy(result)


@numba.njit(cache=True, parallel=True, error_model="numpy")
def _fit(points, normals, cells, numbers, shifts, result):
    dim = points.shape[1]
    terms = 3 if dim == 2 else 6
    for c in numba.prange(len(result)):
        frame = np.empty((dim - 1, dim))
        sign = -1.0 if normals[c, dim - 1] < 0 else 1.0
        scale = 1 / (1 + abs(normals[c, dim - 1]))
        for k in range(dim - 1):
            for m in range(dim):
                mirror = normals[c, m] + (sign if m == dim - 1 else 0.0)
                frame[k, m] = (1.0 if k == m else 0.0) - normals[c, k] * scale * mirror
        matrix, right = np.zeros((terms, terms)), np.zeros(terms)
        row = np.empty(terms)
        for shift in shifts:
            for axis in range(dim):
                q = numbers[cells[c] + shift, axis]
                if q >= 0:
                    _add(points, normals, c, q, frame, row, matrix, right)
        for k in range(1, terms):
            matrix[k, k] += RIDGE
            matrix[k, :k] = matrix[:k, k]
        _solve(matrix, right)
        result[c] = _bend(right, dim)


@numba.njit(cache=True, error_model="numpy")
def _add(points, normals, c, q, frame, row, matrix, right):
    """Add point q to the normal equations of the fit at point c; `row` is scratch memory."""
    dim = points.shape[1]
    square, aligned, height = 0.0, 0.0, 0.0
    for m in range(dim):
        arm = points[q, m] - points[c, m]
        square += arm * arm
        aligned += normals[q, m] * normals[c, m]
        height += arm * normals[c, m]
    if square >= RADIUS**2 or aligned < ALIGNED:
        return
    weight = (1 - square / RADIUS**2) ** POWER
    row[0] = 1.0
    for k in range(dim - 1):
        row[1 + k] = 0.0
        for m in range(dim):
            row[1 + k] += (points[q, m] - points[c, m]) * frame[k, m]
    term = dim
    for a in range(dim - 1):
        for b in range(a, dim - 1):
            row[term] = row[1 + a] * row[1 + b] * (0.5 if a == b else 1.0)
            term += 1
    for a in range(term):
        for b in range(a, term):
            matrix[a, b] += weight * row[a] * row[b]
        right[a] += weight * row[a] * height


@numba.njit(cache=True, error_model="numpy")
def _solve(matrix, right):
    """Solve a symmetric positive definite system by elimination, in place."""
    for k in range(len(right)):
        for i in range(k + 1, len(right)):
            factor = matrix[i, k] / matrix[k, k]
            for j in range(k, len(right)):
                matrix[i, j] -= factor * matrix[k, j]
            right[i] -= factor * right[k]
    for i in range(len(right) - 1, -1, -1):
        for j in range(i + 1, len(right)):
            right[i] -= matrix[i, j] * right[j]
        right[i] /= matrix[i, i]


@numba.njit(cache=True, error_model="numpy")
def _bend(fit, dim):
    """Sum of the principal curvatures of a paraboloid (height, slopes, bends) at its centre."""
    length = 1.0
    for k in range(dim - 1):
        length += fit[1 + k] ** 2
    total = 0.0
    term = dim
    for a in range(dim - 1):
        for b in range(a, dim - 1):
            across = fit[1 + a] * fit[1 + b]
            total += fit[term] * (length - across if a == b else -2 * across)
            term += 1
    return -total / length**1.5
