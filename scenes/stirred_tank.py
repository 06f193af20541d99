"""A paddle turns in a tank of water: a moving solid."""

import math
import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, HalfSpace


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    paddle = Box(at(0.2, 0.44, 0.08), at(0.8, 0.56, 0.5))
    if config.dim == 2:  # in a slice the paddle turns about the axis that is cut away
        paddle = Box(at(0.25, 0, 0.26), at(0.75, 0, 0.38))
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=HalfSpace(0.45),
        solids=[Moving(paddle, pivot=at(0.5, 0.5, 0.32), spin=1.5 * math.pi)],
    )


if __name__ == "__main__":
    sys.exit(run(build))
