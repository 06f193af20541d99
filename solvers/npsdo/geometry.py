"""Random systems for training: gas around obstacles, liquids, drops, porous media, open sides.

All weights are 0 or 1. A seed gives the same system on every machine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.ndimage
import torch
from torch import Tensor

from solvers.slicing import interior, lower, upper
from solvers.system import PoissonSystem

Masks = tuple[np.ndarray, np.ndarray]


def random_system(shape: tuple[int, ...], random: np.random.Generator) -> PoissonSystem:
    """A system of a random kind, with at least one active cell that has an open face.

    shape: cells along 2 or 3 axes, the last one up. A third of the systems have open sides.
    """
    while True:
        make = _KINDS[random.integers(len(_KINDS))]
        solid, fluid = make(shape, random)
        open_sides = random.random((len(shape), 2)) < (0.5 if random.random() < 0.33 else 0.0)
        weights = _faces(torch.from_numpy(solid), open_sides)
        system = PoissonSystem(weights, torch.from_numpy(fluid & ~solid))
        if float(system.diagonal().max()) > 0:
            return system


def _faces(solid: Tensor, open_sides: np.ndarray) -> tuple[Tensor, ...]:
    """1 on faces between two non-solid cells, and of non-solid cells on open sides; float64."""
    result = []
    for axis in range(solid.ndim):
        faces = [n + (d == axis) for d, n in enumerate(solid.shape)]
        weights = torch.zeros(faces, dtype=torch.float64)
        interior(weights, axis).copy_(~(lower(solid, axis) | upper(solid, axis)))
        for side, at in enumerate((0, -1)):
            if open_sides[axis, side]:
                weights.select(axis, at).copy_(~solid.select(axis, at))
        result.append(weights)
    return tuple(result)


def _gas(shape: tuple[int, ...], random: np.random.Generator) -> Masks:
    """Gas everywhere around up to four bodies."""
    return _bodies(shape, random, 4), np.ones(shape, dtype=bool)


def _rooms(shape: tuple[int, ...], random: np.random.Generator) -> Masks:
    """Gas in rooms with thin walls and doors."""
    solid = _bodies(shape, random, 1)
    for _ in range(random.integers(1, 4)):
        axis, thickness = random.integers(len(shape)), random.integers(1, 4)
        place = random.integers(1, shape[axis] - thickness)
        wall = [slice(None)] * len(shape)
        wall[axis] = slice(place, place + thickness)
        door = list(wall)
        for other, n in enumerate(shape):
            if other != axis:
                width = random.integers(2, max(3, n // 3))
                begin = random.integers(0, n - width)
                door[other] = slice(begin, begin + width)
        kept = solid[tuple(door)].copy()
        solid[tuple(wall)] = True
        solid[tuple(door)] = kept
    return solid, np.ones(shape, dtype=bool)


def _liquid(shape: tuple[int, ...], random: np.random.Generator) -> Masks:
    """A pool, waves or a column with a rough surface; drops, bubbles, pillars and bodies."""
    at = _positions(shape)
    surface = random.uniform(0.15, 0.7) + np.zeros((1,) * len(shape))
    for x in at[:-1]:
        waves = random.uniform(0.5, 3), random.uniform(0, 2 * np.pi)
        surface = surface + random.uniform(0, 0.12) * np.sin(2 * np.pi * waves[0] * x + waves[1])
    if random.random() < 0.5:
        column = np.broadcast_to(at[0] < random.uniform(0.2, 0.7), shape)
        height = np.where(column, random.uniform(0.4, 0.95), random.uniform(-0.1, 0.3))
        surface = np.minimum(surface, 0.2) + height
    rough = random.uniform(0, 0.04) * _noise(shape, random.uniform(1.5, 6), random)
    fluid = at[-1] + rough < surface
    drops = _noise(shape, random.uniform(1.0, 2.5), random) > random.uniform(1.6, 3.0)
    fluid = fluid | (drops & (at[-1] < 0.85))
    if random.random() < 0.6:
        fluid &= _noise(shape, random.uniform(1.0, 3.0), random) < random.uniform(2.0, 3.0)
    solid = _bodies(shape, random, 1)
    for _ in range(random.integers(0, 5)):
        distance = sum((x - random.uniform(0.1, 0.9)) ** 2 for x in at[:-1])
        pillar = distance < random.uniform(0.02, 0.07) ** 2
        solid |= pillar & (at[-1] < random.uniform(0.1, 1.0))
    return solid, fluid


def _poured(shape: tuple[int, ...], random: np.random.Generator) -> Masks:
    """A pool, bodies of liquid in the air, and a filled bowl."""
    at = _positions(shape)
    fluid = _bodies(shape, random, 4) | (at[-1] < random.uniform(0.0, 0.4))
    centre = [0.5] * (len(shape) - 1) + [0.6]
    squares = sum((x - c) ** 2 for x, c in zip(at, centre, strict=True))
    radius = random.uniform(0.2, 0.45)
    inside = squares < radius**2
    solid = ~inside & (squares < (1.15 * radius + 1 / max(shape)) ** 2) & (at[-1] < 0.55)
    return solid, fluid | (inside & (at[-1] < random.uniform(0.2, 0.6)))


def _spray(shape: tuple[int, ...], random: np.random.Generator) -> Masks:
    """Drops, sheets, blobs and single cells above a pool."""
    at = _positions(shape)
    below = at[-1] < random.uniform(0.5, 1.0)
    fluid = (_noise(shape, random.uniform(1.0, 4.0), random) > random.uniform(1.0, 2.0)) & below
    large = _noise(shape, max(shape) * random.uniform(0.05, 0.12), random)
    fluid |= (np.abs(large) < random.uniform(0.02, 0.1)) & below
    fluid |= large > random.uniform(0.8, 1.8)
    fluid |= random.random(shape) < random.uniform(0, 0.01)
    fluid |= at[-1] < random.uniform(-0.1, 0.25)
    return _bodies(shape, random, 2), fluid


def _porous(shape: tuple[int, ...], random: np.random.Generator) -> Masks:
    """Gas or a pool among grains of solid."""
    solid = _noise(shape, random.uniform(1.0, 4.0), random) > random.uniform(0.8, 2.0)
    level = 1.0 if random.random() < 0.5 else random.uniform(0.3, 0.9)
    return solid, np.broadcast_to(_positions(shape)[-1] < level, shape)


_KINDS: tuple[Callable[[tuple[int, ...], np.random.Generator], Masks], ...] = (
    _gas, _gas, _rooms, _liquid, _liquid, _liquid, _poured, _spray, _porous,
)  # fmt: skip


def _bodies(shape: tuple[int, ...], random: np.random.Generator, most: int) -> np.ndarray:
    """Up to `most` ellipsoids, boxes and slanted plates at random places; a writable mask."""
    at = _positions(shape)
    result = np.zeros(shape, dtype=bool)
    for _ in range(random.integers(0, most + 1)):
        near = [(x - random.uniform(0.1, 0.9)) / random.uniform(0.04, 0.18) for x in at]
        kind = random.integers(3)
        if kind == 0:
            result |= sum(x**2 for x in near) < 1
            continue
        if kind == 2:
            angle = random.uniform(0, np.pi)
            along = np.cos(angle) * near[0] + np.sin(angle) * near[-1]
            across = np.cos(angle) * near[-1] - np.sin(angle) * near[0]
            near = [along / 1.5, across / 0.4, *near[1:-1]]
        inside = np.ones(shape, dtype=bool)
        for x in near:
            inside &= np.abs(x) < 1
        result |= inside
    return result


def _positions(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Cell centres along each axis, 0 to 1, ready for broadcasting."""
    lines = [(np.arange(n) + 0.5) / n for n in shape]
    return list(np.meshgrid(*lines, indexing="ij", sparse=True))


def _noise(shape: tuple[int, ...], sigma: float, random: np.random.Generator) -> np.ndarray:
    """Gaussian noise smoothed over sigma cells, with standard deviation 1."""
    field = random.standard_normal(shape, dtype=np.float32)
    field = scipy.ndimage.gaussian_filter(field, sigma, mode="wrap", truncate=3.0)
    return field / field.std()
