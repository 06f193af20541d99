"""Pressure systems in rooms of thin walls: where geometry says little about what is connected.

Gas fills the grid; the rim is a wall. Walls are closed faces without thickness, or layers of solid
one cell thick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from solvers.storage import StoredSystem
from solvers.system import PoissonSystem

Weights = list[np.ndarray]


def walled_system(kind: str, shape: tuple[int, ...], seed: int = 0) -> StoredSystem:
    """A system of a kind of `KINDS`, with weights of 0 and 1 and half smooth, half random rhs.

    Parameters
    ----------
    kind : {"plates", "strips", "rooms", "chambers", "sheets", "slanted", "maze", "corridors"}
        What stands in the gas.
    shape : tuple of int
        Cells along 2 or 3 axes.
    seed : int, default 0
        Seed of the random numbers.

    Returns
    -------
    StoredSystem
        With float64 weights (dimensionless), a right-hand side and no guess, on the CPU.

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind not in KINDS:
        raise ValueError(f"no walled system {kind!r}; there are {', '.join(KINDS)}")
    random = np.random.default_rng(seed)
    solid = np.zeros(shape, dtype=bool)
    weights: Weights = []
    for axis in range(len(shape)):
        w = np.ones([n + (d == axis) for d, n in enumerate(shape)])
        _rim(w, axis)[:] = 0.0
        weights.append(w)
    KINDS[kind](solid, weights, random)
    for axis, w in enumerate(weights):
        inner = np.moveaxis(w, axis, 0)[1:-1]
        cells = np.moveaxis(solid, axis, 0)
        inner[cells[1:] | cells[:-1]] = 0.0
    system = PoissonSystem(tuple(torch.from_numpy(w) for w in weights), torch.from_numpy(~solid))
    smooth = np.sin(5.0 * np.arange(solid.size).reshape(shape) / solid.size)
    rhs = torch.from_numpy(smooth + random.standard_normal(shape)) * system.active
    notes = {"walled": kind, "seed": seed}
    return StoredSystem(system, system.floating.remove_means(rhs), None, notes)


def _rim(w: np.ndarray, axis: int) -> np.ndarray:
    return np.moveaxis(w, axis, 0)[:: w.shape[axis] - 1]


def _plates(solid: np.ndarray, weights: Weights, random: np.random.Generator) -> None:
    """Plates without thickness, of any size up to half the grid."""
    for _ in range(24):
        axis = int(random.integers(solid.ndim))
        place: list[slice | int] = []
        for n in solid.shape:
            length = int(random.integers(n // 4, n // 2 + 1))
            begin = int(random.integers(0, n - length + 1))
            place.append(slice(begin, begin + length))
        place[axis] = int(random.integers(1, solid.shape[axis]))
        weights[axis][tuple(place)] = 0.0


def _strips(solid: np.ndarray, weights: Weights, random: np.random.Generator) -> None:
    """Walls without thickness at every third face, with a gap at one end in turns."""
    gap = max(2, solid.shape[1] // 12)
    for number, face in enumerate(range(2, solid.shape[0], 3)):
        wall = weights[0][face]
        wall[gap:] = 0.0 if number % 2 else wall[gap:]
        wall[:-gap] = wall[:-gap] if number % 2 else 0.0


def _walls(n: int, random: np.random.Generator, least: int, most: int) -> list[int]:
    """Places of walls along an axis, random distances apart."""
    places, at = [], int(random.integers(least, most))
    while at < n - 2:
        places.append(at)
        at += int(random.integers(least, most))
    return places


def _parts(places: list[int], n: int, thick: int) -> Iterator[slice]:
    """The ranges of cells between walls."""
    for begin, end in zip([-thick, *places], [*places, n], strict=True):
        yield slice(begin + thick, end)


def _doors(wall: np.ndarray, places: list[list[int]], thick: int, random: np.random.Generator):
    """The place of one cell in each field of a wall that others divide."""
    fields = [list(_parts(p, n, thick)) for p, n in zip(places, wall.shape, strict=True)]
    for chosen in np.ndindex(*(len(f) for f in fields)):
        ranges = [fields[d][i] for d, i in enumerate(chosen)]
        yield tuple(int(random.integers(r.start, r.stop)) for r in ranges)


def _rooms(solid: np.ndarray, weights: Weights, random: np.random.Generator) -> None:
    """Walls without thickness along all axes; a door of one face between any two rooms."""
    places = [_walls(n, random, 5, 13) for n in solid.shape]
    for axis, own in enumerate(places):
        others = [p for d, p in enumerate(places) if d != axis]
        for face in own:
            wall = np.moveaxis(weights[axis], axis, 0)[face]
            wall[:] = 0.0
            for door in _doors(wall, others, 0, random):
                wall[door] = 1.0


def _chambers(solid: np.ndarray, weights: Weights, random: np.random.Generator) -> None:
    """The same with walls of one cell, and holes of one cell."""
    places = [_walls(n, random, 6, 14) for n in solid.shape]
    for axis, own in enumerate(places):
        np.moveaxis(solid, axis, 0)[own] = True
    for axis, own in enumerate(places):
        others = [p for d, p in enumerate(places) if d != axis]
        for layer in own:
            wall = np.moveaxis(solid, axis, 0)[layer]
            for door in _doors(wall, others, 1, random):
                wall[door] = False


def _sheets(solid: np.ndarray, weights: Weights, random: np.random.Generator) -> None:
    """Layers of gas and of solid in turns, one cell thick each, joined by a few holes."""
    solid[1::2] = True
    for layer in solid[1::2]:
        for _ in range(3):
            layer[tuple(int(random.integers(n)) for n in layer.shape)] = False


def _slanted(solid: np.ndarray, weights: Weights, random: np.random.Generator) -> None:
    """Slanted walls of one cell, with random holes."""
    at = np.indices(solid.shape)
    height = at[0] + at[-1] if solid.ndim == 2 else at[0] + at[1] + at[2]
    solid |= (height % 7 == 3) | (height % 7 == 4)
    solid &= random.random(solid.shape) > 0.01


def _carve(shape: tuple[int, ...], random: np.random.Generator) -> Iterator[tuple[int, tuple]]:
    """The open faces of a maze without loops, by a random walk with backtracking: axis, place."""
    seen = np.zeros(shape, dtype=bool)
    path = [(0,) * len(shape)]
    seen[path[0]] = True
    while path:
        here, ways = path[-1], []
        for axis, n in enumerate(shape):
            for step in (-1, 1):
                there = tuple(x + step * (d == axis) for d, x in enumerate(here))
                if 0 <= there[axis] < n and not seen[there]:
                    ways.append((axis, there))
        if not ways:
            path.pop()
            continue
        axis, there = ways[int(random.integers(len(ways)))]
        seen[there] = True
        path.append(there)
        yield axis, tuple(max(x, y) for x, y in zip(here, there, strict=True))


def _maze_of(width: int) -> Callable[[np.ndarray, Weights, np.random.Generator], None]:
    """A maze of corridors some cells wide between walls without thickness."""

    def make(solid: np.ndarray, weights: Weights, random: np.random.Generator) -> None:
        rooms = tuple(-(-n // width) for n in solid.shape)
        for axis in range(solid.ndim):
            np.moveaxis(weights[axis], axis, 0)[width:-1:width] = 0.0
        for axis, place in _carve(rooms, random):
            opening: list[slice | int] = [slice(width * x, width * (x + 1)) for x in place]
            opening[axis] = width * place[axis]
            weights[axis][tuple(opening)] = 1.0

    return make


KINDS: dict[str, Callable[[np.ndarray, Weights, np.random.Generator], None]] = {
    "plates": _plates,
    "strips": _strips,
    "rooms": _rooms,
    "chambers": _chambers,
    "sheets": _sheets,
    "slanted": _slanted,
    "maze": _maze_of(1),
    "corridors": _maze_of(3),
}
