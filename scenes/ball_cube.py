"""A ball of water falls on a cube that stands on its edge."""

import math
import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.shapes import Box, HalfSpace, Sphere


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    cube = Box(at(0.35, 0.35, 0.2), at(0.65, 0.65, 0.5))
    on_edge = cube.rotated(math.pi / 4, at(0.5, 0.5, 0.35), (0.0, 1.0, 0.0))
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=HalfSpace(0.08) | Sphere(at(0.48, 0.5, 0.77), 0.18),
        solids=[on_edge],
    )


if __name__ == "__main__":
    sys.exit(run(build))
