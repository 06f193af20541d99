"""The whitewater of a frame from that of the frame before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fluidsim.render.frame import FOAM, WhitewaterParticles
from fluidsim.whitewater.emission import born
from fluidsim.whitewater.flow import Flow, lifted
from fluidsim.whitewater.motion import move
from fluidsim.whitewater.numbers import Whitewater

MOST_IDS = 2**32 - 1


@dataclass(frozen=True)
class Around:
    """What acts on whitewater beside the flow. gravity: (dim,), m/s^2. open_sides: such as "z+"."""

    gravity: Sequence[float]
    open_sides: Sequence[str] = ()


def advance(
    particles: WhitewaterParticles, before: Flow, after: Flow, frame: int, around: Around,
    numbers: Whitewater,
) -> WhitewaterParticles:  # fmt: skip
    """The whitewater of a frame, of the flow `after`, from that of the frame before it.

    Particles are made of the flow `before`, at any time between both. The result depends on nothing
    but the arguments.
    """
    dim, dx, seconds = after.dim, np.float32(after.dx), after.time - before.time
    old = len(particles.positions)
    room = min(max(numbers.most - old, 0), MOST_IDS - particles.issued)
    new = born(before, seconds, frame, room, numbers)
    count = old + len(new.positions)

    positions = np.concatenate([lifted(particles.positions / dx, 0.5), new.positions])
    velocities = np.concatenate([lifted(particles.velocities), new.velocities])
    life = np.concatenate([particles.life, new.life])
    span = np.concatenate([np.full(old, seconds, np.float32), new.span])
    ids = particles.issued + np.arange(len(new.positions))
    kind, alive = np.full(count, FOAM, np.uint8), np.ones(count, np.bool_)
    move(
        positions, velocities, kind, life, alive, span, before.values, after.values, seconds,
        after.dx, lifted(np.array([around.gravity]))[0], numbers.drag, numbers.rise,
        numbers.response, _open(around.open_sides, dim),
    )  # fmt: skip
    return WhitewaterParticles(
        positions=(positions[alive] * dx)[:, 3 - dim :],
        velocities=velocities[alive][:, 3 - dim :],
        kind=kind[alive],
        id=np.concatenate([particles.id, ids.astype(np.uint32)])[alive],
        age=np.concatenate([particles.age + np.float32(seconds), new.span])[alive],
        life=life[alive],
        issued=particles.issued + len(new.positions),
    )


def _open(sides: Sequence[str], dim: int) -> np.ndarray:
    """(3, 2) bool: the sides of the axes that are open; a plane is closed across."""
    names = "xyz" if dim == 3 else " xz"
    return np.array([[axis + end in sides for end in "-+"] for axis in names])
