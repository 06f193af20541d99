"""Turbulence finer than the stored flow: the curl of noise that the flow carries along.

Kim et al. 2008, equations 9 to 11: bands of noise, each finer by two and slower by 2^(-1/3), which
is Kolmogorov's spectrum, k^(-5/3), over the octave that a band holds. (Kim et al. have 2^(-5/6),
which leaves out that the octave of a finer band is wider: too slow to curl what shear draws out.)
The speed goes by the flow around (`energy.py`). The strength is inside the curl, and the
potential goes to zero towards walls (Bridson, Houriham & Nordenstam 2007, "Curl-noise for
procedural fluid flow"), so that the flow stays free of divergence and out of solids.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import binary_dilation
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.solid.solids import FAR, Solids
from fluidsim.upres.energy import unresolved
from fluidsim.upres.noise import TILE, tiles
from fluidsim.upres.noise_kernels import add_noise
from fluidsim.upres.texture import LAYERS, Texture

DECAY = 2 ** (-1 / 3)  # of the speed, from band to band
REACH = 1.5  # coarse cells from a wall within which the noise fades
COARSEST = 2.0  # coarse cells between the points of the first band: a run blurs eddies of 4 to 8
APART = 2.0  # fine cells between the points of the finest band; what is finer only blurs
BESIDE = 3  # coarse cells around the smoke that have noise, too


class Turbulence:
    """The turbulence of a run on a fine grid.

    coarse, fine: the grids. strength: factor of the speed. seed: of the random numbers.
    """

    def __init__(self, coarse: Grid, fine: Grid, strength: float, seed: int) -> None:
        self.coarse, self.fine = coarse, fine
        self.strength = strength
        self.texture = Texture(coarse.shape, coarse.dx)
        self.factor = fine.shape[0] // coarse.shape[0]
        self._seed = seed
        self._tiles = tiles(coarse.dim, seed)
        self._bands = int(np.log2(self.factor * COARSEST / APART)) + 1
        self._missing = (1,) * (3 - coarse.dim)

    def carry(self, velocity: np.ndarray, seconds: float, smoke: np.ndarray) -> None:
        """Carry the noise by the coarse flow (dim, *shape), m/s; smoke: bool, where it is."""
        if self.strength:
            self.texture.carry(velocity, seconds, smoke)

    def add(self, flow: Tensor, velocity: np.ndarray, smoke: np.ndarray, solids: Solids) -> None:
        """Add the turbulence to the flow through the faces of the fine grid, in place.

        Parameters
        ----------
        flow : Tensor
            (dim, *nodes), m/s.
        velocity : float32, shape (dim, *shape)
            Of the coarse flow, m/s, at the centres of its cells.
        smoke : bool, shape shape
            Coarse cells with smoke.
        solids : Solids
            On the fine grid.
        """
        if not self.strength:
            return
        weights = self._weights(velocity, smoke)
        ways = np.zeros((LAYERS, 3, *self._missing, *self.coarse.shape), np.float32)
        ways[:, 3 - self.coarse.dim :] = self.texture.way.reshape(
            LAYERS, self.coarse.dim, *self._missing, *self.coarse.shape
        )
        distance = self._wall_distance(solids)
        for component, tile in enumerate(self._tiles):
            potential = self._potential(component, tile, ways, weights)
            self._add_curl(flow, component, potential, distance)

    def _weights(self, velocity: np.ndarray, smoke: np.ndarray) -> np.ndarray:
        """(layers, *coarse) with three axes: of the noise, m^2/s."""
        near = binary_dilation(smoke, iterations=BESIDE)
        speed = unresolved(velocity) * np.float32(self.strength * DECAY * self.coarse.dx)
        weights = self.texture.weights(near) * speed
        return weights.reshape(LAYERS, *self._missing, *speed.shape)

    def _potential(
        self, component: int, tile: np.ndarray, ways: np.ndarray, weights: np.ndarray
    ) -> Tensor:
        """(*nodes), m^2/s: on the edges along an axis, on the nodes of a plane."""
        fine = self.fine
        out = np.zeros((*self._missing, *fine.nodes), np.float32)
        # An axis that a plane does not have is at the middle of its one cell.
        offset = np.array([0.5 * self.factor] * len(self._missing) + [0.0] * fine.dim)
        if fine.dim == 3:
            offset[component] += 0.5
        shifts = np.array(
            [
                np.random.Generator(np.random.PCG64([self._seed, layer, birth])).uniform(
                    0, TILE, (self._bands, 3)
                )
                for layer, birth in enumerate(self.texture.births)
            ]
        )
        levels = np.arange(self._bands) - np.log2(COARSEST)
        bands = ((DECAY / 2) ** levels).astype(np.float32)
        tile = tile.reshape(*self._missing, *tile.shape)
        add_noise(out, offset, float(self.factor), tile, shifts, ways, weights, bands, COARSEST)
        return torch.from_numpy(out.reshape(fine.nodes))

    def _wall_distance(self, solids: Solids) -> Tensor:
        """(*nodes), m: to the nearest solid or closed side."""
        fine = self.fine
        distance = solids.distance.clamp(max=FAR)
        for axis, n in enumerate(fine.shape):
            for upper in (False, True):
                if solids.is_open(axis, upper):
                    continue
                line = torch.arange(n + 1) * fine.dx
                line = line.flip(0) if upper else line
                shape = [-1 if other == axis else 1 for other in range(fine.dim)]
                distance = torch.minimum(distance, line.view(shape))
        return distance

    def _add_curl(self, flow: Tensor, component: int, potential: Tensor, distance: Tensor) -> None:
        """Add the curl of one component of the potential (*nodes), in place."""
        fine, dx = self.fine, self.fine.dx
        if fine.dim == 3:
            n = fine.shape[component]
            lower, upper = (distance.narrow(component, first, n) for first in (0, 1))
            distance, potential = (lower + upper) / 2, potential.narrow(component, 0, n)
        near = (distance / (REACH * self.coarse.dx)).clamp(0, 1)
        potential = potential * (near * (15 / 8 - near * near * (10 / 8 - 3 / 8 * near * near)))
        if fine.dim == 2:
            first, second = 0, 1
        else:
            first, second = (component + 1) % 3, (component + 2) % 3
        # u_first = d/d_second, u_second = -d/d_first
        fine.faces(flow, first).add_(torch.diff(potential, dim=second), alpha=1 / dx)
        fine.faces(flow, second).sub_(torch.diff(potential, dim=first), alpha=1 / dx)
