"""Scenes for pictures."""

import numpy as np

from fluidsim.render import SolidGrid


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
