"""An order in which neighbouring systems resemble each other, for solvers that learn on the way.

Wang, Hao, Wang, Geng, Wang, Li & Wu (2024), Accelerating Data Generation for Neural Operators via
Krylov Subspace Recycling (SKR), ICLR, algorithm 1: greedily, each time the nearest system that is
left, by the distance of their coefficients.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch

from solvers.courses import run_of
from solvers.slicing import lower, upper
from solvers.storage import StoredSystem
from solvers.system import PoissonSystem

# Numbers that stand for a system, and the seed of the signs by which they are formed.
_NUMBERS, _SEED = 256, 0


def sketch(system: PoissonSystem) -> np.ndarray:
    """Numbers whose distances are about those of two systems of one shape.

    Parameters
    ----------
    system : PoissonSystem
        The system: which cells are active, and the weights w of their faces, as w / (w + m) with
        the median m, so that a few large ones do not decide.

    Returns
    -------
    ndarray, shape (256,)
        Sums of these values with random signs, each value in one of them. The expectation
        of the squared distance is the exact one (Charikar, Chen & Farach-Colton 2004).
    """
    parts = [system.active.double().reshape(-1)]
    for axis, weights in enumerate(system.face_weights):
        touching = torch.zeros_like(weights, dtype=torch.bool)
        lower(touching, axis).logical_or_(system.active)
        upper(touching, axis).logical_or_(system.active)
        parts.append(torch.where(touching, weights.double(), 0.0).reshape(-1))
    flat = torch.cat(parts[1:])
    open_ones = flat[flat > 0]
    usual = float(open_ones.median()) if len(open_ones) else 1.0
    values = torch.cat([parts[0], flat / (flat + usual)]).cpu().numpy()
    random = np.random.default_rng(_SEED)
    places = random.integers(_NUMBERS, size=len(values))
    signs = random.choice([-1.0, 1.0], size=len(values))
    return np.bincount(places, signs * values, minlength=_NUMBERS)


def nearest_next(features: np.ndarray) -> list[int]:
    """A path through points that goes on to the nearest one that is left.

    Parameters
    ----------
    features : ndarray, shape (points, numbers)
        The points. The path begins with the first; of points at the same distance it takes the
        first.

    Returns
    -------
    list of int
        The indices of the points, each once.
    """
    left = np.ones(len(features), dtype=bool)
    path: list[int] = []
    here = 0
    while left.any():
        path.append(here)
        left[here] = False
        distances = np.square(features - features[here]).sum(1)
        here = int(np.where(left, distances, np.inf).argmin())
    return path


def alike_in_turn(systems: Mapping[str, StoredSystem]) -> dict[str, StoredSystem]:
    """The same systems in an order in which neighbours resemble each other.

    Parameters
    ----------
    systems : mapping of str to StoredSystem
        Systems by name. Each run (see `solvers.courses.run_of`) is sorted by itself, so the systems
        of one folder and shape stay together; those of no run are sorted together by shape.

    Returns
    -------
    dict of str to StoredSystem
        Runs in the order of their first systems, each beginning with that system. The same systems
        in the same order give the same result.
    """
    groups: dict[object, list[str]] = {}
    for name, stored in systems.items():
        shape = stored.system.shape
        groups.setdefault(run_of(name, shape) or shape, []).append(name)
    return {name: systems[name] for names in groups.values() for name in _path(systems, names)}


def _path(systems: Mapping[str, StoredSystem], names: list[str]) -> Iterable[str]:
    features = np.stack([sketch(systems[name].system) for name in names])
    return (names[place] for place in nearest_next(features))
