"""A blade on a lying axle beats standing water like a mill wheel."""

import math
import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, HalfSpace


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    axle = at(0.5, 0.5, 0.42)
    blade = Box(at(0.46, 0.2, 0.1), at(0.54, 0.8, 0.74))
    spin = 1.5 * math.pi  # clockwise; about y, which points away from the eye
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=HalfSpace(0.38),
        solids=[
            Moving(blade, axle, spin=-spin if config.dim == 2 else spin, axis=(0.0, 1.0, 0.0)),
        ],
    )


if __name__ == "__main__":
    sys.exit(run(build))
