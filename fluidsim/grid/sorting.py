"""Sorting particles by cell; the sort is stable.

It is a counting sort: the number of particles in each cell tells where they go. The cells are
split into parts, and each part looks for its particles by itself, so that no two threads write to
the same place. A part skips most chunks of particles, because particles that were in order move by
a few cells a step. Devices other than the CPU sort keys instead.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from fluidsim.grid.plain import are_recorded
from solvers import kernel_cache  # noqa: F401

CHUNK = 1024  # particles that share one record of their lowest and highest cell
PARTS = 8  # parts of the cells per thread


def cells_of(positions: Tensor, strides: tuple[int, ...]) -> Tensor:
    """Flat index (n,) int32 of the cell of each position (n, dim) in grid coordinates."""
    cells = torch.zeros(len(positions), dtype=torch.int32, device=positions.device)
    for places, stride in zip(positions.unbind(1), strides, strict=True):
        cells.add_(places.int(), alpha=stride)
    return cells


def count(key: Tensor, counts: Tensor) -> None:
    """Count the particles of each cell, (cells,) int32; key: (n,) int32, the cell of each one."""
    if key.device.type != "cpu":
        counts.copy_(torch.bincount(key, minlength=len(counts)))
        return
    _count(key.numpy(), _chunks(key), counts.numpy(), numba.get_num_threads())


def reorder(
    key: Tensor, values: tuple[Tensor, ...], out: tuple[Tensor, ...], start: Tensor, new: Tensor
) -> None:
    """Copy the rows of `values` (n, any) to `out`, sorted by cell and stable within each cell.

    start: (cells + 1,) int32, the first particle of each cell. new: the same for the result, where
    a cell may have more places or fewer; particles without a place are left out.
    """
    if key.device.type != "cpu" or are_recorded(*values):
        return reorder_as_defined(key, values, out, start, new)
    bounds, hands = _chunks(key), numba.get_num_threads()
    for old, result in zip(values, out, strict=True):
        row = (0,) * old.shape[1]
        flat = old.reshape(-1).numpy(), result.view(-1).numpy()
        _reorder(key.numpy(), bounds, *flat, row, new.numpy(), hands)


def reorder_as_defined(
    key: Tensor, values: tuple[Tensor, ...], out: tuple[Tensor, ...], start: Tensor, new: Tensor
) -> None:
    """What `reorder` does, on any device."""
    cells, order = torch.sort(key.long(), stable=True)
    place = torch.arange(len(key), device=key.device) - start[cells] + new[cells]
    kept = place < new[cells + 1]
    for old, result in zip(values, out, strict=True):
        result[place[kept]] = old[order[kept]]


def _chunks(key: Tensor) -> np.ndarray:
    """The lowest and highest cell of each chunk of particles, (2, chunks)."""
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
    """row: a tuple as long as a row of values, so that the compiler knows the length."""
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
    """The first cell of a part, and one past its last."""
    return cells * part // parts, cells * (part + 1) // parts
