"""A thin column of cold honey buckles and lies down in coils."""

import sys

from fluidsim import Camera, LiquidScene, RunConfig, View, run
from fluidsim.shapes import Box, Cylinder, Shape

RADIUS = 0.003  # m


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    column: Shape = Cylinder(at(0.03, 0.03, 0.002), RADIUS, height=0.114)
    if config.dim == 2:
        column = Box((0.03 - RADIUS, 0.002), (0.03 + RADIUS, 0.116))
    return LiquidScene(
        size=at(0.06, 0.06, 0.12),
        liquid=column,
        velocity=at(0, 0, -0.2),
        transfer="apic",
        viscosity=150.0,
        density=1400.0,
        frame_seconds=1 / 120,
        view=View(camera=Camera((0.12, -0.15, 0.07), (0.03, 0.03, 0.036), 24), liquid="honey"),
    )


if __name__ == "__main__":
    sys.exit(run(build))
