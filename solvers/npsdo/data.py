"""Problems to train and judge networks on: systems with right-hand sides, in three splits.

Training: random geometries and recorded systems. Validation, which the gate uses: model systems,
and random geometries and recorded systems of other seeds and scenes. Test: a third set of these.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import scipy.ndimage
import torch
from torch import Tensor

from solvers.model_systems import SCENES, model_system
from solvers.npsdo.geometry import random_system
from solvers.slicing import lower, upper
from solvers.storage import StoredSystem, load_system
from solvers.system import PoissonSystem

# Smoothing lengths of random velocities: in cells, and as a fraction of the longest side.
_SCALES, _LARGEST = (1.5, 4.0), 0.08

# Number of recorded systems of each shape among held-out problems.
_OF_A_SHAPE = 2


class Split(IntEnum):
    """Independent streams of random numbers."""

    TRAINING = 0
    VALIDATION = 1
    TEST = 2


@dataclass(frozen=True, eq=False)
class Problem:
    """A system and right-hand sides for it, float64 (batch, *shape), of norm 1, solvable."""

    system: PoissonSystem
    rhs: Tensor

    @property
    def size(self) -> int:
        """Cells along the longest side."""
        return max(self.system.shape)

    def to(self, device: torch.device) -> Problem:
        """The same problem on a device."""
        weights = tuple(w.to(device) for w in self.system.face_weights)
        system = PoissonSystem(weights, self.system.active.to(device))
        return Problem(system, self.rhs.to(device))


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The source of training problems.

    dim, sizes: number of axes, and possible numbers of cells along each side of random geometries.
    recorded: systems with sizes of their own. seed: of the random numbers. share: fraction of the
    problems that are recorded systems. batch: right-hand sides per problem.
    """

    dim: int
    sizes: Sequence[int]
    recorded: Sequence[StoredSystem]
    seed: int
    share: float = 0.4
    batch: int = 2

    def round(self, number: int, count: int) -> Iterator[Problem]:
        """The problems of a training round; the same seed and number give the same problems."""
        random = generator(self.seed, Split.TRAINING, number)
        for _ in range(count):
            if self.recorded and random.random() < self.share:
                stored = self.recorded[int(random.integers(len(self.recorded)))]
                own = [stored.rhs.double() * stored.system.active]
                drawn = problem(stored.system, random, self.batch, own)
            else:
                shape = (int(random.choice(self.sizes)),) * self.dim
                drawn = problem(random_system(shape, random), random, self.batch)
            yield cropped(drawn)


def held_out(
    split: Split, dim: int, sizes: Sequence[int], recorded: Sequence[StoredSystem], seed: int,
    drawn: int = 2,
) -> list[Problem]:  # fmt: skip
    """For each size the model systems and `drawn` random geometries, then some recorded systems.

    There are at most two recorded systems of each shape.
    """
    problems = []
    for size in sizes:
        shape = (size,) * dim
        for kind in SCENES:
            stored = model_system(kind, shape, seed=1000 * split + size)
            problems.append(_of_stored(stored))
        for number in range(drawn):
            random = generator(seed, split, size, number)
            problems.append(problem(random_system(shape, random), random, 1))
    by_shape: dict[tuple[int, ...], list[StoredSystem]] = {}
    for stored in recorded:
        by_shape.setdefault(stored.system.shape, []).append(stored)
    for alike in by_shape.values():
        few = min(_OF_A_SHAPE, len(alike))
        problems += [_of_stored(alike[(n * len(alike)) // few]) for n in range(few)]
    return problems


def load_recorded(folders: Sequence[str | os.PathLike[str]], dim: int) -> list[StoredSystem]:
    """The stored systems of this dimension in or below the folders, in a fixed order.

    Systems with periodic axes are left out. Raises ValueError with one line if a folder holds none
    or a file cannot be read.
    """
    found = []
    for folder in folders:
        stored = [load_system(path) for path in sorted(Path(folder).rglob("*.npz"))]
        mine = [s for s in stored if s.system.dim == dim and not any(s.system.periodic)]
        if not mine:
            raise ValueError(f"{folder} holds no stored systems of dimension {dim}")
        found += mine
    return found


def problem(
    system: PoissonSystem, random: np.random.Generator, batch: int, own: Sequence[Tensor] = ()
) -> Problem:
    """The system with its own right-hand sides, filled up to the batch with random ones."""
    rhs = [*own, *(random_rhs(system, random) for _ in range(batch - len(own)))]
    return Problem(system, torch.stack([_normal(system, b) for b in rhs]))


def cropped(full: Problem) -> Problem:
    """The same problem on the smallest grid that contains the active cells."""
    system, rhs = full.system, full.rhs
    active, weights = system.active, list(system.face_weights)
    for axis in range(system.dim):
        others = [d for d in range(system.dim) if d != axis]
        layers = active.any(others[0]) if len(others) == 1 else active.amax(others)
        first, last = int(layers.int().argmax()), len(layers) - int(layers.flip(0).int().argmax())
        active = active.narrow(axis, first, last - first)
        rhs = rhs.narrow(axis + 1, first, last - first)
        for d, w in enumerate(weights):
            weights[d] = w.narrow(axis, first, last - first + (d == axis))
    whole = tuple(w.contiguous() for w in weights)
    return Problem(PoissonSystem(whole, active.contiguous()), rhs.contiguous())


def random_rhs(system: PoissonSystem, random: np.random.Generator) -> Tensor:
    """Minus the divergence of a random velocity of several scales, often with gravity; float64."""
    scales = [*_SCALES, _LARGEST * max(system.shape)]
    result = torch.zeros(system.shape, dtype=torch.float64)
    for axis, weights in enumerate(system.face_weights):
        velocity = np.zeros(weights.shape, dtype=np.float32)
        for scale in scales:
            amplitude = random.uniform(0.1, 1.0) if random.random() < 0.7 else 0.0
            noise = random.standard_normal(weights.shape, dtype=np.float32)
            if amplitude:
                smooth = scipy.ndimage.gaussian_filter(noise, scale, mode="nearest", truncate=3.0)
                velocity += amplitude * smooth / smooth.std()
        if axis == system.dim - 1:
            velocity -= random.uniform(0.0, 3.0)
        flux = weights * torch.from_numpy(velocity)
        result += lower(flux, axis) - upper(flux, axis)
    return result * system.active


def generator(seed: int, split: Split, *numbers: int) -> np.random.Generator:
    """Random numbers that depend only on a seed, a split and further numbers."""
    return np.random.default_rng([seed, int(split), *numbers])


def _of_stored(stored: StoredSystem) -> Problem:
    rhs = stored.rhs.double() * stored.system.active
    return Problem(stored.system, _normal(stored.system, rhs)[None])


def _normal(system: PoissonSystem, rhs: Tensor) -> Tensor:
    """The rhs without means on floating components, scaled to norm 1; noise if nothing is left."""
    result = system.floating.remove_means(rhs)
    norm = float(torch.linalg.vector_norm(result))
    if norm <= 1e-9 * float(torch.linalg.vector_norm(rhs)) or norm == 0:
        noise = torch.from_numpy(np.random.default_rng(0).standard_normal(system.shape))
        result = system.apply(noise)
        norm = float(torch.linalg.vector_norm(result))
    return result / norm
