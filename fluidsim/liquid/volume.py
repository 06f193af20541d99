"""The volume of the liquid, and the air that it encloses.

Torch expressions define it and run on any device; on the CPU, a kernel over rows does the same in
one pass.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import scipy.ndimage
import torch
from torch import Tensor

from fluidsim.grid.cells import CellType
from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_plain, are_recorded
from fluidsim.grid.rows import as_rows, cell_rows, flat, rows_around
from fluidsim.liquid.particles import SEEDED, Particles
from fluidsim.solid.solids import Solids
from solvers import kernel_cache  # noqa: F401

SPARSE = 1.5  # times what the particles around fill: an upper bound of the level set's volume
SPARSE_ROOM = 0.25  # of the cells around: the least room for which particles are compared with it
ABOVE = 0.5  # cells: farther outside the surface only the particles count
VOLUME_RELAXATION = 0.05  # s: time in which a volume error decays to 1/e, or shorter:
WAVE_RELAXATION = 1.25  # of sqrt(dx / g); small tanks splash faster
MOST_RELAXED = 0.02  # of the volume: in splashes its error is not known better
FLATTEST, STEEPEST = 0.5, 2.0  # bounds of the slope of a carried distance


def liquid_volume(
    distance: Tensor, particles: Particles, solids: Solids, grid: Grid
) -> float | Tensor:
    """The volume of the liquid, m^3 (m^2 in 2D); a tensor where torch records it.

    distance: (*nodes), signed, in cells. It says how full a cell is, within its open part, but at
    most 1.5 times as full as the particles around say: the level set of a torn sheet is thicker
    than the sheet. Beyond the surface the particles count, up to a full cell.
    """
    if distance.device.type == "cpu" and are_plain(distance, solids.room):
        filled = np.empty(len(cell_rows(grid)))
        _fill(
            flat(distance), flat(particles.filling), as_rows(solids.room), flat(solids.solid),
            cell_rows(grid), rows_around(grid), np.float32(1 / SEEDED[grid.dim]), filled,
        )  # fmt: skip
        cells = float(filled.sum())
    else:
        held = particles.held / SEEDED[grid.dim]
        cells = filled_as_defined(grid.cells(distance), held, solids)
        cells = cells if are_recorded(cells) else float(cells)
    return cells * grid.dx**grid.dim


def filled_as_defined(distance: Tensor, held: Tensor, solids: Solids) -> Tensor:
    """The volume of the liquid in cells, () float64, as a torch expression.

    distance: (*shape), in cells. held: (*shape), the particles in each cell over those of a full
    one.
    """
    grid, room = solids.grid, solids.room
    pool = torch.nn.functional.avg_pool2d if grid.dim == 2 else torch.nn.functional.avg_pool3d

    def around(values: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(values[None, None], (1, 1) * grid.dim, mode="replicate")
        return pool(padded, 3, 1)[0, 0]

    density = around(held) / around(room).clamp(min=SPARSE_ROOM)
    inside = (0.5 - distance / _slope(distance, grid)).clamp(0, 1) * room
    inside = torch.minimum(inside, SPARSE * density * room)
    inside.masked_fill_(grid.cells(solids.solid) != 0, 0.0)
    loose = (torch.minimum(held, room) - inside).clamp(min=0) * (distance > ABOVE)
    return (inside + loose).sum(dtype=torch.float64)


def relaxation(error: float | Tensor, seconds: float, dx: float, gravity: float) -> float | Tensor:
    """The divergence, 1/s, during a frame of `seconds` that relaxes a relative volume error (Kim et
    al. 2007), by half at most. dx: m. gravity: m/s^2."""
    waves = WAVE_RELAXATION * math.sqrt(dx / max(gravity, 1e-30))
    known = max(-MOST_RELAXED, min(MOST_RELAXED, error))
    return -known / max(min(VOLUME_RELAXATION, waves), 2 * seconds)


def holes(cells: Tensor, grid: Grid) -> int:
    """The number of air cells in enclosed pockets of fewer than 2^dim cells: bubbles that the grid
    cannot resolve. cells: (*nodes) int8, CellType."""
    air = (grid.cells(cells) == CellType.AIR).cpu().numpy()
    labels = np.zeros(air.shape, dtype=np.int32)
    scipy.ndimage.label(air, output=labels)
    sizes = np.sort(np.bincount(labels.ravel())[1:])[:-1]
    return int(sizes[sizes < 2**grid.dim].sum())


def _slope(distance: Tensor, grid: Grid) -> Tensor:
    """|grad distance| by central differences, (*shape), within FLATTEST and STEEPEST."""
    square = torch.zeros_like(distance)
    for axis, n in enumerate(grid.shape):
        rim = distance.narrow(axis, 0, 1), distance, distance.narrow(axis, n - 1, 1)
        padded = torch.cat(rim, axis)
        square += ((padded.narrow(axis, 2, n) - padded.narrow(axis, 0, n)) / 2).square()
    return square.clamp(FLATTEST**2, STEEPEST**2).sqrt()


@numba.njit(cache=True, parallel=True)
def _fill(distance, held, room, solid, starts, around, unit, filled):
    """filled: the volume in each row, in cells. unit: the part of a cell that a particle fills."""
    cells, middle = room.shape[1], around.shape[1] // 2
    least = np.float32(SPARSE_ROOM * 3 * around.shape[1])
    for row in numba.prange(len(starts)):
        count = np.zeros(cells + 2, np.float32)
        free, square = np.zeros_like(count), np.zeros(cells, np.float32)
        for other in around[row]:
            _add(count[1:-1], held[starts[other] : starts[other] + cells])
            _add(free[1:-1], room[other])
        count[0], count[-1], free[0], free[-1] = count[1], count[-2], free[1], free[-2]
        step = 1
        while step <= middle:  # to the neighbours across the row
            below, above = starts[around[row, middle - step]], starts[around[row, middle + step]]
            _add_square(square, distance[below : below + cells], distance[above : above + cells])
            step *= 3
        here = slice(starts[row], starts[row] + cells)
        along = distance[here]
        _add_square(square[1:-1], along[:-2], along[2:])
        _add_square(square[:1], along[:1], along[1:2])
        _add_square(square[-1:], along[-2:-1], along[-1:])
        own = held[here], room[row], solid[here]
        filled[row] = _filled(along, square, count, free, own, unit, least)


@numba.njit(cache=True)
def _add(total, values):
    for z in range(len(total)):
        total[z] += np.float32(values[z])


@numba.njit(cache=True)
def _add_square(square, low, high):
    """Add the square of central differences."""
    for z in range(len(square)):
        slope = np.float32(0.5) * (high[z] - low[z])
        square[z] += slope * slope


@numba.njit(cache=True, fastmath={"reassoc", "nsz"})
def _filled(distance, square, count, free, own, unit, least):
    """The volume in a row. square: of the slope. count, free: particles and room in the rows
    around, padded by one cell. least: of the room in the cells around."""
    held, room, solid = own
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    flattest, steepest, sparse = np.float32(FLATTEST), np.float32(STEEPEST), np.float32(SPARSE)
    total = 0.0
    for z in range(len(distance)):
        slope = min(max(np.sqrt(square[z]), flattest), steepest)
        inside = min(max(half - distance[z] / slope, zero), one) * room[z]
        particles = unit * (count[z] + count[z + 1] + count[z + 2])
        density = particles / max(free[z] + free[z + 1] + free[z + 2], least)
        inside = min(inside, sparse * density * room[z]) if solid[z] == 0 else zero
        loose = max(min(unit * np.float32(held[z]), room[z]) - inside, zero)
        total += inside + (loose if distance[z] > np.float32(ABOVE) else zero)
    return total
