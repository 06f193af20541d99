"""Particles that are drawn one by one: drops that fly alone and foam on fast, torn liquid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from fluidsim.render.cells import at_centres, cell_numbers
from fluidsim.render.frame import SolidGrid

# Densities of particles, smoothed over a cell, in the part of it that solids leave open: 1 in the
# bulk and about 0.7 at a calm surface.
_ALONE = {2: 0.09, 3: 0.05}  # of drops, at most: less than in a filament, in 2D and in 3D
_TORN = (0.35, 0.62)  # torn liquid, whole liquid
_OPEN = 0.3  # least open part; less counts as this
_FAST = (0.35, 0.75)  # speeds of clear and of white liquid; 1: a fall through the domain
_DROP = {2: (0.22, 0.30), 3: (0.14, 0.28)}  # radii in cells of a lone particle, of a group
_DROP_WHITE = 0.3  # of the fastest drop
_FOAM = 0.6  # radius in cells of a patch of foam
_SUNK = 0.7  # cells: foam shows down to this depth


@dataclass(frozen=True)
class Spray:
    """Round drops and soft patches of foam, n of them; lengths in m.

    centres: (n, dim). radii: (n,). white: (n,), 0 .. 1. sunk: (n,), the depth in the liquid down
    to which foam shows; 0 for drops.
    """

    centres: np.ndarray
    radii: np.ndarray
    white: np.ndarray
    sunk: np.ndarray

    def with_foam(self, part: float) -> Spray:
        """The same with only `part` of the white."""
        return replace(self, white=self.white * np.float32(part))

    def drops(self) -> Spray:
        """The drops alone."""
        alone = self.sunk == 0
        return Spray(self.centres[alone], self.radii[alone], self.white[alone], self.sunk[alone])


def separated(
    positions: np.ndarray,
    velocities: np.ndarray,
    shape: tuple[int, ...],
    dx: float,
    solids: SolidGrid | None = None,
) -> tuple[np.ndarray, Spray]:
    """The indices of the particles that form the surface of the liquid, and the spray.

    positions, velocities: (n, dim), m and m/s, in the domain [0, shape * dx]. Drops are not part
    of the surface; foam floats on it.
    """
    dim = len(shape)
    key = cell_numbers(positions / np.float32(dx), shape)
    count = np.bincount(key, minlength=int(np.prod(shape))).reshape(shape).astype(np.float32)
    density = _smoothed(count / 2**dim)
    if solids is not None:
        distance = at_centres(solids, dx)
        density /= np.maximum(_smoothed(np.clip(0.5 + distance / dx, 0, 1)), _OPEN)
    density = density.ravel()[key]

    alone = density <= _ALONE[dim]
    chosen = np.flatnonzero(density < _TORN[1])
    density, alone_there = density[chosen], alone[chosen]
    speed = np.linalg.norm(velocities[chosen], axis=1) / np.sqrt(2 * 9.81 * shape[-1] * dx)
    white = _smooth(speed, *_FAST) * (1 - _smooth(density, *_TORN))
    drop = np.interp(density, (0, _ALONE[dim]), _DROP[dim])
    radii = np.where(alone_there, drop, _FOAM)
    seen = alone_there | (white > 0.05)
    white *= np.where(alone_there, _DROP_WHITE, 1.0)
    spray = Spray(
        positions[chosen][seen],
        (dx * radii[seen]).astype(np.float32),
        white[seen].astype(np.float32),
        np.where(alone_there, 0.0, _SUNK * dx)[seen].astype(np.float32),
    )
    return np.flatnonzero(~alone), spray


def _smoothed(cells: np.ndarray) -> np.ndarray:
    return gaussian_filter(cells, 1.0, truncate=2.5)  # walls reflect


def _smooth(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below low, 1 above high, smooth between."""
    part = np.clip((values - low) / (high - low), 0, 1)
    return part * part * (3 - 2 * part)
