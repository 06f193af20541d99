"""New particles of whitewater, along the ways of the liquid's particles.

Ihmsen et al. 2012, section 3.2: a particle of the liquid makes as many as its potentials and its
kinetic energy say, spread over the cylinder that it sweeps. Random numbers are those of a counter
(Philox) with the seed and the frame for its key: they do not depend on how a frame is reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fluidsim.whitewater.flow import Flow
from fluidsim.whitewater.numbers import Whitewater
from fluidsim.whitewater.potentials import clamped, fall_speed, potentials

_RADIUS = 0.5  # cells: of the cylinder
_SLOWEST = 0.5  # mean speed in a cell: with less, as a part of `slow`, no particle there is fast
_SPREAD = (0.5, 1.5)  # lifetimes of particles, as parts of the mean


@dataclass(frozen=True, eq=False)
class Born:
    """New particles, n of them: positions (n, 3), in cells, and velocities (n, 3), m/s, when they
    are made; span: (n,), s, from then to the end of the frame; life: (n,), s."""

    positions: np.ndarray
    velocities: np.ndarray
    span: np.ndarray
    life: np.ndarray


def born(flow: Flow, seconds: float, frame: int, room: int, numbers: Whitewater) -> Born:
    """The particles that a flow makes in the `seconds` before a frame, `room` of them at most."""
    random = np.random.Generator(np.random.Philox(key=(numbers.seed, frame)))
    unit = fall_speed(flow.cells[2] * flow.dx)
    air, crest = potentials(flow, _SLOWEST * numbers.slow * unit)
    rate = (numbers.trapped_air * air + numbers.wave_crests * crest).ravel()[flow.key]
    makers = np.flatnonzero(rate > 0)
    speed = np.linalg.norm(flow.velocities[makers], axis=1)
    energy = clamped((speed / np.float32(unit)) ** 2, numbers.slow**2, numbers.fast**2)
    mean = rate[makers] * energy * np.float32(seconds)
    count = np.floor(mean + random.random(len(makers), np.float32)).astype(np.int64)
    source = np.repeat(makers, count)
    chance = random.random((len(source), 5), np.float32)
    if len(source) > room:  # those of the least numbers, in their order
        kept = np.sort(np.argsort(chance[:, 4], kind="stable")[:room])
        source, chance = source[kept], chance[kept]

    velocities = flow.velocities[source]
    across = _across(velocities, flow.dim)
    angle = 2 * np.pi * chance[:, 0:1]
    side = np.cos(angle) * across[0] + np.sin(angle) * across[1]
    if flow.dim == 2:
        side = np.sign(np.cos(angle)) * across[0]
    distance = _RADIUS * chance[:, 1:2] ** (0.5 if flow.dim == 3 else 1.0)
    span = np.float32(seconds) * chance[:, 2]
    way = velocities * ((np.float32(seconds) - span) / np.float32(flow.dx))[:, None]
    low, high = _SPREAD
    return Born(
        (flow.positions[source] + side * distance + way).astype(np.float32),
        velocities,
        span,
        (numbers.lifetime * (low + (high - low) * chance[:, 3])).astype(np.float32),
    )


def _across(vectors: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors across each vector and each other; in a plane the first lies in it."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    along = np.where(
        length > 0, vectors / np.maximum(length, 1e-9), np.array((0, 0, 1), np.float32)
    )
    other = np.zeros_like(along)
    if dim == 2:
        other[:, 0] = 1
    else:
        other[np.arange(len(along)), np.abs(along).argmin(1)] = 1
    first = np.cross(along, other)
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-9)
    return first, np.cross(along, first)
