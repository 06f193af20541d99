"""Averages over points of a surface, each with its neighbours of similar value.

Smooth parts become smoother, ragged or torn parts stay as they are: the sigma filter of Lee 1983,
"Digital image smoothing and the sigma filter".

Torch expressions define it and run on any device; on the CPU a kernel over points does the same in
one pass.
"""

from __future__ import annotations

import itertools

import numba
import numpy as np
import torch
from torch import Tensor

from fluidsim.liquid.paraboloids import ALIGNED
from solvers import kernel_cache  # noqa: F401

REACH = 2  # cells to each side in which points are sought; also the radius of the weights
ALIKE = 0.05  # values that differ by less are averaged
POWER = 4  # weights (1 - r^2 / REACH^2)^POWER


def averages_as_defined(
    values: Tensor, points: Tensor, normals: Tensor, cells: Tensor, numbers: Tensor, count: int
) -> Tensor:
    """Weighted means (count,), at each of the first `count` points, of the values around it.

    values: (k,) float64, at the first k points; the others do not count. points, normals, cells
    and numbers: as for `paraboloids.bends_as_defined`. Points on the other side of a thin sheet do
    not count, nor do values that differ by ALIKE or more.
    """
    dim, known = points.shape[1], len(values)
    total, weights = values.new_zeros(count), values.new_zeros(count)
    strides = numbers[..., 0].contiguous().stride()
    for step in itertools.product(range(-REACH, REACH + 1), repeat=dim):
        shift = sum(s * stride for s, stride in zip(step, strides, strict=True))
        for number in numbers.view(-1, dim)[cells[:count] + shift].unbind(1):
            square = (points[number] - points[:count]).square().sum(1)
            aligned = (normals[number] * normals[:count]).sum(1) >= ALIGNED
            other = values[number.clamp(max=known - 1)]
            counts = (number >= 0) & (number < known) & (square < REACH**2) & aligned
            counts &= (other - values[:count]).abs() < ALIKE
            weight = torch.where(counts, (1 - square / REACH**2) ** POWER, 0.0)
            total += weight * other
            weights += weight
    return total / weights


def averages(
    values: Tensor, points: Tensor, normals: Tensor, cells: Tensor, numbers: Tensor, count: int
) -> Tensor:
    """What `averages_as_defined` returns."""
    dim = points.shape[1]
    steps = np.array(list(itertools.product(range(-REACH, REACH + 1), repeat=dim)))
    shifts = steps @ np.array(numbers[..., 0].contiguous().stride())
    result = np.empty(count)
    _average(
        values.numpy(), points.numpy(), normals.numpy(), cells.numpy(),
        numbers.view(-1, dim).numpy(), shifts, result,
    )  # fmt: skip
    return torch.from_numpy(result)


@numba.njit(cache=True, parallel=True, error_model="numpy")
def _average(values, points, normals, cells, numbers, shifts, result):
    dim = points.shape[1]
    for c in numba.prange(len(result)):
        total, weights = 0.0, 0.0
        for shift in shifts:
            for axis in range(dim):
                q = numbers[cells[c] + shift, axis]
                if 0 <= q < len(values) and abs(values[q] - values[c]) < ALIKE:
                    square, aligned = 0.0, 0.0
                    for m in range(dim):
                        square += (points[q, m] - points[c, m]) ** 2
                        aligned += normals[q, m] * normals[c, m]
                    if square < REACH**2 and aligned >= ALIGNED:
                        weight = (1 - square / REACH**2) ** POWER
                        total += weight * values[q]
                        weights += weight
        result[c] = total / weights
