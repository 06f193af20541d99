"""Pressure systems of any size without a simulation: a dam, smoke around a sphere, a splash, a box.

The first three are hard in the ways that real systems are: they have a rough free surface,
obstacles, a closed box, and (splash) drops, sheets one cell thick, isolated cells and enclosed air.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.ndimage
import torch
from torch import Tensor

from solvers.slicing import interior, lower, upper
from solvers.storage import StoredSystem
from solvers.system import PoissonSystem

# Feature sizes of splashes, in cells: drops, and large shapes, which scale with the grid.
_DROP, _SHAPE_OF_128 = 2.5, 12.0


def model_system(kind: str, shape: tuple[int, ...], seed: int = 0) -> StoredSystem:
    """A model system with face weights 1 and the right-hand side of one step under gravity.

    If gravity moves nothing, as in the box, the right-hand side is noise. The rim is a wall.

    Parameters
    ----------
    kind : {"dam", "smoke", "splash", "box"}
        What the system is of.
    shape : tuple of int
        Cells along 2 or 3 axes, the last one up.
    seed : int, default 0
        Seed of the random numbers.

    Returns
    -------
    StoredSystem
        With float64 weights of 0 and 1 (dimensionless), a right-hand side and no guess, on the CPU.

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind not in KINDS:
        raise ValueError(f"no model system {kind!r}; there are {', '.join(KINDS)}")
    random = np.random.default_rng(seed)
    solid, fluid = KINDS[kind](shape, random)
    weights = tuple(_open_faces(torch.from_numpy(solid.copy()), axis) for axis in range(len(shape)))
    system = PoissonSystem(weights, torch.from_numpy(fluid & ~solid))
    falling = weights[-1]
    rhs = (upper(falling, -1) - lower(falling, -1)) * system.active
    if not rhs.any():
        rhs = torch.from_numpy(random.standard_normal(shape)) * system.active
    notes = {"model": kind, "seed": seed}
    return StoredSystem(system, system.floating.remove_means(rhs), None, notes)


def _open_faces(solid: Tensor, axis: int) -> Tensor:
    """1 on faces between two non-solid cells, 0 elsewhere and on the rim; float64."""
    faces = [n + (d == axis) for d, n in enumerate(solid.shape)]
    weights = torch.zeros(faces, dtype=torch.float64)
    interior(weights, axis).copy_(~(lower(solid, axis) | upper(solid, axis)))
    return weights


def _dam(shape: tuple[int, ...], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A column of liquid with a rough surface, a layer on the floor, pillars."""
    at, size = _positions(shape)
    rough = 0.02 * _noise(shape, 3.0, random)
    column = np.maximum(at[0] - 0.45 * size[0], at[-1] - 0.75 * size[-1]) + rough < 0
    layer = at[-1] - 0.12 * size[-1] + rough < 0
    solid = np.zeros(shape, dtype=bool)
    if len(shape) == 3:
        for x, y in ((0.3, 0.3), (0.6, 0.7), (0.75, 0.3)):
            solid |= (at[0] - x * size[0]) ** 2 + (at[1] - y * size[1]) ** 2 < 0.06**2
    else:
        for x, z in ((0.3, 0.3), (0.6, 0.05), (0.75, 0.1)):
            solid |= (at[0] - x * size[0]) ** 2 + (at[1] - z * size[1]) ** 2 < 0.05**2
    return solid, column | layer


def _smoke(shape: tuple[int, ...], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A closed box full of gas around a ball."""
    at, size = _positions(shape)
    distance = sum((x - 0.5 * length) ** 2 for x, length in zip(at, size, strict=True))
    return np.broadcast_to(distance < (0.19 * min(size)) ** 2, shape), np.ones(shape, dtype=bool)


def _splash(shape: tuple[int, ...], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Drops, sheets, blobs and single cells above a pool with a ball in it."""
    at, size = _positions(shape)
    small = _noise(shape, _DROP, random)
    large = _noise(shape, _SHAPE_OF_128 * max(shape) / 128, random)
    below = at[-1] < 0.8 * size[-1]
    fluid = (small > 1.6) & below
    fluid |= (np.abs(large) < 0.05) & below
    fluid |= large > 1.3
    fluid |= random.random(shape) < 0.003
    fluid |= at[-1] < 0.08 * size[-1]
    ball = (at[0] - 0.5 * size[0]) ** 2 + (at[-1] - 0.2 * size[-1]) ** 2 < 0.1**2
    return np.broadcast_to(ball, shape), fluid


def _box(shape: tuple[int, ...], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Fluid with a layer of air around it: the plain Laplacian with p = 0 at the sides."""
    fluid = np.zeros(shape, dtype=bool)
    fluid[(slice(1, -1),) * len(shape)] = True
    return np.zeros(shape, dtype=bool), fluid


KINDS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "dam": _dam,
    "smoke": _smoke,
    "splash": _splash,
    "box": _box,
}
SCENES = ("dam", "smoke", "splash")


def _positions(shape: tuple[int, ...]) -> tuple[list[np.ndarray], list[float]]:
    """Cell centres along each axis, ready for broadcasting, and the side lengths of the box."""
    longest = max(shape)
    at = np.meshgrid(*[(np.arange(n) + 0.5) / longest for n in shape], indexing="ij", sparse=True)
    return list(at), [n / longest for n in shape]


def _noise(shape: tuple[int, ...], sigma: float, random: np.random.Generator) -> np.ndarray:
    """Gaussian noise smoothed over sigma cells, with standard deviation 1."""
    field = scipy.ndimage.gaussian_filter(random.standard_normal(shape), sigma, mode="wrap")
    return field / field.std()
