"""Convolutions of grid vectors with stencils that vary from cell to cell, and their gradients.

A stencil is a tensor of coefficients (3^d, *shape): entry k belongs to the neighbour at
`offsets(dim)[k]`. Vectors are batched, (batch, *shape), and 0 outside the grid. Gradients are
written by hand, so that training needs little memory beyond its inputs and results.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any

import numba
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from solvers import kernel_cache  # noqa: F401

# What `_kernel` computes from the other two of y = K x: y, x as K^T y, or K as y times x.
_RESULT, _ADJOINT, _COEFFICIENTS = np.int64(0), np.int64(1), np.int64(2)


def offsets(dim: int) -> list[tuple[int, ...]]:
    """Offsets of the neighbours of a cell, itself included, in the order of the coefficients."""
    return list(itertools.product((-1, 0, 1), repeat=dim))


def convolve(stencil: Tensor, x: Tensor) -> Tensor:
    """Sum of coefficient times value over the neighbours: by kernels on the CPU, else by torch."""
    return _Convolution.apply(stencil, x)  # pyright: ignore


def transpose(stencil: Tensor) -> Tensor:
    """The stencil of the adjoint map: for each neighbour its coefficient for the cell."""
    return _Transposition.apply(stencil)  # pyright: ignore


def affine(image: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The stencil whose coefficients are affine in the 3^d window of an image around a cell.

    image: (channels, *shape + 2), which gets no gradient. weight: (3^d, channels, 3, ...). bias:
    (3^d,). Returns (3^d, *shape).
    """
    return _Affine.apply(image, weight, bias)  # pyright: ignore


def convolve_by_torch(stencil: Tensor, x: Tensor) -> Tensor:
    """The definition of `convolve`."""
    padded = F.pad(x, (1, 1) * (x.ndim - 1))
    total = torch.zeros_like(x)
    for coefficients, offset in zip(stencil, offsets(x.ndim - 1), strict=True):
        total = total + coefficients * shifted(padded, offset, x.shape[1:])
    return total


def shifted(padded: Tensor, offset: tuple[int, ...], shape: torch.Size | tuple) -> Tensor:
    """The neighbours at an offset, a view of a tensor (..., *shape + 2)."""
    slices = (slice(1 + step, 1 + step + n) for step, n in zip(offset, shape, strict=True))
    return padded[(..., *slices)]


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, stencil: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(stencil, x)
        if not _by_kernel(stencil, x):
            return convolve_by_torch(stencil, x)
        y = torch.empty_like(x, memory_format=torch.contiguous_format)
        _run(_RESULT, stencil, x, y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        stencil, x = ctx.saved_tensors
        (y,) = gradients
        of_stencil = of_x = None
        if _by_kernel(stencil, x):
            if ctx.needs_input_grad[0]:
                of_stencil = torch.empty_like(stencil, memory_format=torch.contiguous_format)
                _run(_COEFFICIENTS, of_stencil, x, y)
            if ctx.needs_input_grad[1]:
                of_x = torch.empty_like(x, memory_format=torch.contiguous_format)
                _run(_ADJOINT, stencil, of_x, y)
            return of_stencil, of_x
        if ctx.needs_input_grad[0]:
            padded = F.pad(x, (1, 1) * (x.ndim - 1))
            rows = [(y * shifted(padded, o, x.shape[1:])).sum(0) for o in offsets(x.ndim - 1)]
            of_stencil = torch.stack(rows)
        if ctx.needs_input_grad[1]:
            of_x = convolve_by_torch(_transposed(stencil), y)
        return of_stencil, of_x


class _Transposition(torch.autograd.Function):
    """Its own adjoint."""

    @staticmethod
    def forward(ctx: Any, stencil: Tensor) -> Tensor:
        return _transposed(stencil)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _transposed(gradients[0])


class _Affine(torch.autograd.Function):
    """A convolution whose backward pass is one product of matrices."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(image, weight)
        convolution = F.conv2d if image.ndim == 3 else F.conv3d
        return convolution(image[None], weight, bias)[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, Tensor]:
        image, weight = ctx.saved_tensors
        rows = gradients[0].flatten(1)
        shape = gradients[0].shape[1:]
        windows = torch.stack([shifted(image, o, shape) for o in offsets(len(shape))], 1)
        of_weight = rows @ windows.reshape(-1, rows.shape[1]).T
        return None, of_weight.reshape(weight.shape), rows.sum(1)


def _transposed(stencil: Tensor) -> Tensor:
    dim = stencil.ndim - 1
    result = torch.zeros_like(stencil, memory_format=torch.contiguous_format)
    for k, offset in enumerate(offsets(dim)):
        here = tuple(slice(max(0, -step), n - max(0, step)) for step, n in _steps(offset, stencil))
        there = tuple(slice(max(0, step), n - max(0, -step)) for step, n in _steps(offset, stencil))
        result[(k, *here)] = stencil[(len(stencil) - 1 - k, *there)]
    return result


def _steps(offset: tuple[int, ...], stencil: Tensor) -> zip[tuple[int, int]]:
    return zip(offset, stencil.shape[1:], strict=True)


def _by_kernel(stencil: Tensor, x: Tensor) -> bool:
    return stencil.device.type == "cpu" and stencil.dtype == x.dtype


def _run(wanted: np.int64, stencil: Tensor, x: Tensor, y: Tensor) -> None:
    """Compute one of the three tensors in place; the two inputs may have any strides."""
    cells = x.shape[-1]
    arrays = [
        values.detach().contiguous().numpy().reshape(len(values), -1, cells)
        for values in (stencil, x, y)
    ]
    stencil_rows, x_rows, y_rows = arrays
    _kernel(wanted, stencil_rows, x_rows, y_rows, _neighbours(tuple(x.shape[1:-1])))


@lru_cache(maxsize=16)
def _neighbours(rows: tuple[int, ...]) -> np.ndarray:
    """For each offset without its last axis the neighbouring row of every row, -1 outside the grid.

    rows: shape of the grid without its last axis. Returns (3^(d - 1), rows).
    """
    padded = np.pad(np.arange(int(np.prod(rows))).reshape(rows), 1, constant_values=-1)
    table = []
    for offset in offsets(len(rows)):
        slices = [slice(1 + step, 1 + step + n) for step, n in zip(offset, rows, strict=True)]
        table.append(padded[tuple(slices)].ravel())
    return np.array(table, dtype=np.int64)


@numba.njit(cache=True, parallel=True)
def _kernel(wanted, stencil, x, y, neighbours):
    for row in numba.prange(x.shape[1]):
        _row(wanted, stencil, x, y, neighbours, row)


@numba.njit(cache=True)
def _row(wanted, stencil, x, y, neighbours, row):
    """Compute one row of `wanted`; stencil (3^d, rows, n), x and y (batch, rows, n).

    The three coefficients of a neighbouring row are handled together; a row with an extra cell on
    each side avoids special cases at its ends.
    """
    batch, _, cells = x.shape
    wide = np.zeros((batch, cells + 2), dtype=x.dtype)
    if wanted == _RESULT:
        y[:, row] = 0.0
    for group in range(len(neighbours)):
        first = 3 * group
        if wanted == _ADJOINT:
            other = neighbours[len(neighbours) - 1 - group, row]
            if other >= 0:
                for b in range(batch):
                    a = stencil[first : first + 3, other]
                    _scatter(wide[b], a[0], a[1], a[2], y[b, other])
            continue
        other = neighbours[group, row]
        a = stencil[first : first + 3, row]
        if wanted == _COEFFICIENTS:
            a[:] = 0.0
        if other < 0:
            continue
        for b in range(batch):
            wide[b, 1:-1] = x[b, other]
            if wanted == _RESULT:
                _gather(y[b, row], a[0], a[1], a[2], wide[b])
            else:
                _add_products(a[0], a[1], a[2], y[b, row], wide[b])
    if wanted == _ADJOINT:
        x[:, row] = wide[:, 1:-1]


@numba.njit(cache=True, fastmath=True)
def _gather(total, a, b, c, wide):
    for i in range(len(total)):
        total[i] += a[i] * wide[i] + b[i] * wide[i + 1] + c[i] * wide[i + 2]


@numba.njit(cache=True, fastmath=True)
def _add_products(a, b, c, factor, wide):
    for i in range(len(factor)):
        a[i] += factor[i] * wide[i]
        b[i] += factor[i] * wide[i + 1]
        c[i] += factor[i] * wide[i + 2]


@numba.njit(cache=True, fastmath=True)
def _scatter(wide, a, b, c, values):
    """The adjoint of `_gather`; one coefficient at a time, so that each loop is simple."""
    for i in range(len(values)):
        wide[i] += a[i] * values[i]
    for i in range(len(values)):
        wide[i + 1] += b[i] * values[i]
    for i in range(len(values)):
        wide[i + 2] += c[i] * values[i]
