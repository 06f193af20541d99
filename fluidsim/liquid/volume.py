"""The volume of the liquid, and the air that it encloses."""

from __future__ import annotations

import math

import numpy as np
import scipy.ndimage
import torch
from torch import Tensor

from fluidsim.grid.cells import CellType
from fluidsim.grid.grid import Grid
from fluidsim.liquid.particles import SEEDED, Particles
from fluidsim.solid.solids import Solids

SPARSE = 1.5  # times what the particles around fill: an upper bound of the level set's volume
ABOVE = 0.5  # cells: farther outside the surface only the particles count
VOLUME_RELAXATION = 0.05  # s: time in which a volume error decays to 1/e, or shorter:
WAVE_RELAXATION = 1.25  # of sqrt(dx / g); small tanks splash faster
MOST_RELAXED = 0.02  # of the volume: in splashes its error is not known better
FLATTEST, STEEPEST = 0.5, 2.0  # bounds of the slope of a carried distance


def liquid_volume(distance: Tensor, particles: Particles, solids: Solids, grid: Grid) -> float:
    """The volume of the liquid, m^3 (m^2 in 2D).

    distance: (*shape), signed, in cells. It says how full a cell is, within its open part, but at
    most 1.5 times as full as the particles around say: the level set of a torn sheet is thicker
    than the sheet. Beyond the surface the particles count, up to a full cell.
    """
    room, full = solids.room, SEEDED[grid.dim]
    held = particles.held / full
    pool = torch.nn.functional.avg_pool2d if grid.dim == 2 else torch.nn.functional.avg_pool3d

    def around(values: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(values[None, None], (1, 1) * grid.dim, mode="replicate")
        return pool(padded, 3, 1)[0, 0]

    density = around(held) / around(room).clamp(min=0.25)
    inside = (0.5 - distance / _slope(distance, grid)).clamp(0, 1) * room
    inside = torch.minimum(inside, SPARSE * density * room)
    inside.masked_fill_(grid.cells(solids.solid) != 0, 0.0)
    loose = (torch.minimum(held, room) - inside).clamp(min=0) * (distance > ABOVE)
    return float((inside + loose).sum(dtype=torch.float64)) * grid.dx**grid.dim


def relaxation(error: float, seconds: float, dx: float, gravity: float) -> float:
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
    return square.sqrt().clamp(FLATTEST, STEEPEST)
