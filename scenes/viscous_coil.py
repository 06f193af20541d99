"""A thin column of cold honey comes down on a floor, buckles and lies down in folds."""

import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.shapes import Box, Cylinder, Shape


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    column: Shape = Cylinder(at(0.15, 0.15, 0.02), radius=0.016, height=0.56)
    if config.dim == 2:
        column = Box((0.134, 0.02), (0.166, 0.58))
    return LiquidScene(
        size=at(0.3, 0.3, 0.6),
        liquid=column,
        velocity=at(0, 0, -0.5),
        transfer="apic",
        viscosity=100.0,
        density=1400.0,
        frame_seconds=1 / 60,
    )


if __name__ == "__main__":
    sys.exit(run(build))
