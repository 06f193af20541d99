"""Texture coordinates that the flow carries: the points of the noise move with the smoke.

Several layers of coordinates begin anew by turns, each when its weight is zero (Neyret 2003,
"Advected textures"), as often as the flow deforms them; where the flow has deformed a layer too
much already, by the eigenvalues of its Jacobian (Kim et al. 2008, section 4.2), the others stand
in. A layer lasts about as long as its eddies would: kept longer, the same eddies would push the
same smoke for ever, while shear draws it out.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import map_coordinates

from fluidsim.upres.slopes import gradient, strain

LAYERS = 2
STRAIN = 0.7  # strain over which a layer lasts: about one turn of its eddies
GOOD, WORN = 1.5, 3.0  # stretch or squeeze of a layer up to which it counts fully, and not at all


class Texture:
    """The layers on the cells of a coarse grid.

    way    float32 (LAYERS, dim, *shape), cells: from a point to its texture coordinate
    clock  how often the flow has deformed the layers, in lives of one
    """

    def __init__(self, shape: tuple[int, ...], dx: float) -> None:
        self.dx = dx
        self.way = np.zeros((LAYERS, len(shape), *shape), np.float32)
        self.clock = 0.0
        self._places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"))
        self._places = self._places.astype(np.float32)

    @property
    def births(self) -> list[int]:
        """How often each layer has begun anew: its noise is another one each time."""
        return [math.floor(self.clock + layer / LAYERS) for layer in range(LAYERS)]

    def carry(self, velocity: np.ndarray, seconds: float, smoke: np.ndarray) -> None:
        """Carry the layers by the flow (dim, *shape), m/s, at the centres of cells, and renew them.

        smoke: bool (*shape), the cells whose deformation counts.
        """
        step = velocity * (seconds / self.dx)
        half = _at(step, self._places - 0.5 * step)
        start = self._places - half
        for layer in range(LAYERS):
            self.way[layer] = _at(self.way[layer], start) - half
        before, strained = self.births, strain(step)[smoke]
        if strained.size:
            self.clock += float(np.sqrt(np.mean(strained, dtype=np.float64))) / STRAIN
        for layer, (old, new) in enumerate(zip(before, self.births, strict=True)):
            if old != new:
                self.way[layer] = 0.0

    def weights(self, where: np.ndarray) -> np.ndarray:
        """float32 (LAYERS, *shape): the parts of the layers `where`, bool (*shape), they are asked
        for; their squares add up to 1, but where all of them are worn."""
        parts = []
        for layer in range(LAYERS):
            age = (self.clock + layer / LAYERS) % 1.0
            parts.append((1 - abs(2 * age - 1)) * _quality(self.way[layer], where))
        weights = np.stack(parts)
        total = np.sqrt((weights**2).sum(0))
        return (weights / np.maximum(total, 0.25)).astype(np.float32)


def _at(fields: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Fields (n, *shape) at places (dim, *shape), in cells, linearly; the rim goes on outside."""
    found = [map_coordinates(each, places, order=1, mode="nearest") for each in fields]
    return np.stack(found)


def _quality(way: np.ndarray, where: np.ndarray) -> np.ndarray:
    """(*shape), 0 to 1: how little the coordinates are stretched or squeezed; 0 elsewhere."""
    jacobian = gradient(way)[where] + np.eye(len(way), dtype=np.float32)
    squares = np.linalg.eigvalsh(np.swapaxes(jacobian, -1, -2) @ jacobian)
    least, most = np.sqrt(np.maximum(squares[..., 0], 1e-12)), np.sqrt(squares[..., -1])
    quality = np.zeros(where.shape, np.float32)
    quality[where] = np.clip((WORN - np.maximum(most, 1 / least)) / (WORN - GOOD), 0, 1)
    return quality
