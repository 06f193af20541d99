"""Scenes for pictures."""

import numpy as np

from fluidsim.render import LiquidFrame, SmokeFrame, SolidGrid


def liquid_frame(positions, velocities=None, shape=(16, 16, 16), dx=1 / 16, **more):
    """A frame of particles, at rest unless they have velocities."""
    if velocities is None:
        velocities = np.zeros_like(positions)
    options = {"number": 1, "time": 0.0, **more}
    return LiquidFrame(shape=shape, dx=dx, positions=positions, velocities=velocities, **options)


def smoke_frame(density, temperature=None, dx=1 / 16, **more):
    """A frame of smoke at rest, as cold as the air unless it has a temperature."""
    if temperature is None:
        temperature = np.zeros_like(density)
    still = np.zeros((density.ndim, *density.shape), np.float32)
    options = {"number": 1, "time": 0.0, "velocity": still, **more}
    return SmokeFrame(
        shape=density.shape, dx=dx, density=density, temperature=temperature, **options
    )


def jittered(shape, dx, seed=0):
    """Particles (n, dim) that fill a grid, 2^dim in every cell."""
    sites = np.stack(np.meshgrid(*[np.arange(2 * n) for n in shape], indexing="ij"), -1)
    sites = sites.reshape(-1, len(shape))
    noise = np.random.default_rng(seed).random(sites.shape)
    return ((sites + noise) * dx / 2).astype(np.float32)


def on_nodes(shape, spacing):
    """Node positions, shape (n0, n1[, n2], dim)."""
    return np.stack(np.meshgrid(*[np.arange(n) * spacing for n in shape], indexing="ij"), -1)


def ball_solid(shape, dx, centre, radius):
    away = np.linalg.norm(on_nodes([n + 1 for n in shape], dx) - centre, axis=-1) - radius
    return SolidGrid(np.clip(away, -4 * dx, 4 * dx).astype(np.float32), dx)
