"""Refined smoke in a jet: turbulence makes billows, and the shear draws out no strands."""

import numpy as np
from scipy.ndimage import gaussian_filter

from fluidsim import RunConfig, SmokeScene
from fluidsim.commands.upres import STRENGTH
from fluidsim.render.frame import SmokeFrame
from fluidsim.upres.fine_smoke import FineSmoke
from fluidsim.upres.flow import Refinement

RADIUS, SPEED, FRAMES, SECONDS = 0.1, 1.0, 24, 0.025  # m, m/s: a shear of 9/s for 0.6 s
SIZE = (0.5, 0.5, 1.25)  # m


def squared_radius(grid) -> np.ndarray:
    """(*shape), m^2: from the axis of the jet."""
    x, y = ((np.arange(n) + 0.5) * grid.dx - 0.25 for n in grid.shape[:2])
    return (x[:, None, None] ** 2 + y[None, :, None] ** 2) + np.zeros(grid.shape)


def refined_jet() -> np.ndarray:
    """The density of a stem of smoke in a steady jet, where no air from below has come to."""
    scene = SmokeScene(size=SIZE, open_sides=["z-", "z+"])
    grid = scene.grid(RunConfig("", resolution=40))
    velocity = np.zeros((3, *grid.shape), np.float32)
    velocity[2] = SPEED * np.exp(-squared_radius(grid) / RADIUS**2)
    nothing = np.zeros(grid.shape, np.float32)
    smoke = FineSmoke(scene, Refinement(grid, 3), STRENGTH, 0)
    stem = squared_radius(smoke.solids.grid) < RADIUS**2
    smoke.carried.density[:] = smoke.carried.density.new_tensor(stem)
    for number in range(1, FRAMES + 1):
        frame = SmokeFrame(
            number=number, time=number * SECONDS, shape=grid.shape, dx=grid.dx, density=nothing,
            temperature=nothing, velocity=velocity,
        )  # fmt: skip
        smoke.advance(frame, frame, 1)
    return smoke.carried.density.numpy()[:, :, 60:-8]


def test_a_jet_gets_billows_and_no_strands():
    """The gradients of the details along the jet are not much smaller than those across it."""
    density = refined_jet()
    details = density - gaussian_filter(density, 3)
    along, *across = ((np.gradient(details, axis=axis) ** 2).mean() for axis in (2, 0, 1))
    assert along > 0.55 * np.mean(across)
    uneven = (density - density.mean(2, keepdims=True)).std()
    assert uneven > 0.08
