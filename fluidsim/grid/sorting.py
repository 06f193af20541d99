"""Putting particles in the order of their cells, and those of a cell in that of before.

By counting: when it is known how many particles each cell has, it is known where they go. Each part
of the cells goes through the particles that may lie in it, so no two write to the same place; few
do, since particles that were in order move by some cells in a step. Other devices than the CPU sort
keys instead.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

CHUNK = 1024  # particles whose lowest and highest cells are looked up together
PARTS = 8  # of the cells, for each thread


def cells_of(positions: Tensor, strides: tuple[int, ...]) -> Tensor:
    """Flat index of the cell of each place (n, dim) in grid coordinates, (n,) int32."""
    return (positions.int() * torch.tensor(strides, device=positions.device)).sum(1).int()


def count(key: Tensor, counts: Tensor) -> None:
    """Fill in the particles of each cell, (cells,) int32; key: (n,) int32, of each particle."""
    if key.device.type != "cpu":
        counts.copy_(torch.bincount(key, minlength=len(counts)))
        return
    _count(key.numpy(), _chunks(key), counts.numpy(), numba.get_num_threads())


def reorder(
    key: Tensor, values: tuple[Tensor, ...], out: tuple[Tensor, ...], start: Tensor, new: Tensor
) -> None:
    """Rows of `values` (n, any) to those of `out`; what does not fit in its cell is left out.

    start: (cells + 1,) int32, number of particles in all cells before each. new: the same of the
    result, where a cell may have more or fewer. The order in a cell stays.
    """
    if key.device.type != "cpu":
        return reorder_as_defined(key, values, out, start, new)
    bounds, hands = _chunks(key), numba.get_num_threads()
    for old, result in zip(values, out, strict=True):
        row = (0,) * old.shape[1]
        flat = old.reshape(-1).numpy(), result.view(-1).numpy()
        _reorder(key.numpy(), bounds, *flat, row, new.numpy(), hands)


def reorder_as_defined(
    key: Tensor, values: tuple[Tensor, ...], out: tuple[Tensor, ...], start: Tensor, new: Tensor
) -> None:
    """As `reorder`, on any device."""
    cells, order = torch.sort(key.long(), stable=True)
    place = torch.arange(len(key), device=key.device) - start[cells] + new[cells]
    kept = place < new[cells + 1]
    for old, result in zip(values, out, strict=True):
        result[place[kept]] = old[order[kept]]


def _chunks(key: Tensor) -> np.ndarray:
    """Lowest and highest cell of each chunk of particles, (2, chunks)."""
    bounds = np.empty((2, -(-len(key) // CHUNK)), np.int32)
    _bound(key.numpy(), bounds)
    return bounds


@numba.njit(cache=True, parallel=True)
def _bound(key, bounds):
    for chunk in numba.prange(bounds.shape[1]):
        part = key[CHUNK * chunk : CHUNK * (chunk + 1)]
        low, high = part[0], part[0]
        for p in range(1, len(part)):
            low = part[p] if part[p] < low else low
            high = part[p] if part[p] > high else high
        bounds[0, chunk], bounds[1, chunk] = low, high


@numba.njit(cache=True, parallel=True)
def _count(key, bounds, counts, hands):
    for hand in numba.prange(hands):
        for part in range(hand, hands * PARTS, hands):
            first, last = _part(part, hands * PARTS, len(counts))
            counts[first:last] = 0
            for chunk in range(bounds.shape[1]):
                if bounds[0, chunk] < last and bounds[1, chunk] >= first:
                    for p in range(CHUNK * chunk, min(CHUNK * (chunk + 1), len(key))):
                        if first <= key[p] < last:
                            counts[key[p]] += 1


@numba.njit(cache=True, parallel=True)
def _reorder(key, bounds, values, out, row, start, hands):
    """row: as many numbers as one has, in a tuple: the compiler knows its length."""
    for hand in numba.prange(hands):
        for part in range(hand, hands * PARTS, hands):
            first, last = _part(part, hands * PARTS, len(start) - 1)
            free = start[first:last].copy()
            for chunk in range(bounds.shape[1]):
                if bounds[0, chunk] < last and bounds[1, chunk] >= first:
                    for p in range(CHUNK * chunk, min(CHUNK * (chunk + 1), len(key))):
                        if first <= key[p] < last:
                            place = free[key[p] - first]
                            if place < start[key[p] + 1]:
                                free[key[p] - first] = place + 1
                                for k in range(len(row)):
                                    out[place * len(row) + k] = values[p * len(row) + k]


@numba.njit(cache=True)
def _part(part, parts, cells):
    """Bounds of a part of the cells."""
    return cells * part // parts, cells * (part + 1) // parts
