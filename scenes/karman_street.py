"""Wind past a cylinder sheds vortices to both sides in turn."""

import math
import sys

from fluidsim import Camera, Inlet, RunConfig, SmokeOptions, SmokeScene, Source, View, run
from fluidsim.solid.shapes import Box, Cylinder, Shape, Sphere

AIR = 1.2  # kg/m^3
WIND = 1.0  # m/s
RADIUS = 0.1  # m
REYNOLDS = 1000.0


def across(config: RunConfig, radius: float, length: float) -> Shape:
    """A cylinder that lies across the wind; in 2D its round slice."""
    at = config.point
    if config.dim == 2:
        return Sphere(at(0.4, 0.25, 0.5), radius)
    upright = Cylinder(at(0.4, 0.25, 0.5 - length / 2), radius, length)
    return upright.rotated(math.pi / 2, at(0.4, 0.25, 0.5), (1.0, 0.0, 0.0))


def build(config: RunConfig) -> SmokeScene:
    at = config.point
    behind = Box(at(0.5, -1, 0.4), at(0.7, 2, 0.6))
    return SmokeScene(
        size=at(2.4, 0.5, 1),
        sources=[
            # A gust from below, or the first vortices would take long to grow.
            Source(behind, density=0.0, temperature=0.0, velocity=at(0, 0, 0.5), until=0.2),
            Source(across(config, 1.35 * RADIUS, 0.36), temperature=0.0, roughness=0.0),
        ],
        solids=[across(config, RADIUS, 0.6)],
        inlets=[Inlet("x-", velocity=at(WIND, 0, 0))],
        open_sides=["x+"],
        physics=SmokeOptions(
            weight=0.0, lift=0.0, vorticity=0.5, viscosity=AIR * WIND * 2 * RADIUS / REYNOLDS
        ),
        frame_seconds=1 / 16,
        view=View(camera=Camera((1.9, -2.6, 1.4), (1.04, 0.25, 0.44), 24)),
    )


if __name__ == "__main__":
    sys.exit(run(build))
