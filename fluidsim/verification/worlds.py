"""Simulations of the suite, started from scenes as a user writes them, and their measurement."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import torch

from fluidsim import taichi_runtime
from fluidsim.flow.simulation import Simulation
from fluidsim.liquid.liquid import Liquid
from fluidsim.scene.config import RunConfig
from fluidsim.scene.probes import Columns
from fluidsim.scene.scene import LiquidScene, SmokeScene
from fluidsim.smoke.smoke import Smoke
from fluidsim.timing import StageTimer
from solvers import runtime

CPU = torch.device("cpu")


@functools.cache
def machine() -> runtime.Runtime:
    """A runtime of one thread: the suite runs several cases at a time."""
    one = runtime.configure(1)
    taichi_runtime.start(one)
    return one


def liquid(scene: LiquidScene, resolution: int, rtol: float = 1e-8) -> Liquid:
    """The simulation at time 0; resolution: cells along the longest side."""
    return scene.simulate(_config(scene.size, resolution, rtol), machine(), StageTimer(CPU))


def smoke(scene: SmokeScene, resolution: int, rtol: float = 1e-8) -> Smoke:
    return scene.simulate(_config(scene.size, resolution, rtol), machine(), StageTimer(CPU))


def frames(simulation: Simulation, until: float, seconds: float) -> Iterator[float]:
    """Advance by frames of equal length, at most `seconds`; yields the times."""
    count = max(1, int(np.ceil(until / seconds - 1e-9)))
    for _ in range(count):
        simulation.advance(until / count)
        yield simulation.time


def heights(tank: Liquid) -> np.ndarray:
    """Heights of the water in each column of cells (*shape without up), m."""
    grid = tank.grid
    lines = [(np.arange(n) + 0.5) * grid.dx for n in grid.shape[:-1]]
    places = np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, grid.dim - 1)
    return Columns(places, tank).heights(tank).numpy().reshape(grid.shape[:-1])


def fastest(tank: Liquid) -> float:
    """The speed of the fastest particle, m/s."""
    return float(tank.particles.velocities.norm(dim=1).max())


def kinetic(tank: Liquid) -> float:
    """Kinetic energy of the particles over the density, m^2/s^2 m^dim."""
    each = tank.grid.dx**tank.grid.dim / 2**tank.grid.dim
    return 0.5 * each * float(tank.particles.velocities.double().square().sum())


def fill(room: Smoke, axis: int, values: torch.Tensor) -> None:
    """Set a component of the velocity at time 0; values: on the faces of the axis."""
    room.grid.faces(room.velocity, axis).copy_(values)


def faces(room: Simulation, axis: int) -> tuple[torch.Tensor, ...]:
    """Coordinates, m, of the centres of the faces normal to an axis: x, y(, z)."""
    points = room.grid.face_positions(axis, CPU).double().movedim(-1, 0)
    return tuple(room.grid.faces(torch.stack([part] * room.grid.dim), axis) for part in points)


def _config(size: tuple[float, ...], resolution: int, rtol: float) -> RunConfig:
    return RunConfig(
        scene="verification", dim=len(size), resolution=resolution, rtol=rtol, render=False
    )
