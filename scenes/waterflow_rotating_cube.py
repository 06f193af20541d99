"""A stream falls on a cube that turns and flings it around."""

import math
import sys

from fluidsim import Inflow, LiquidScene, RunConfig, run
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, Cylinder, HalfSpace


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    middle = at(0.5, 0.5, 0.4)
    cube = Box(at(0.34, 0.34, 0.24), at(0.66, 0.66, 0.56))
    spout = Cylinder(at(0.42, 0.5, 0.88), radius=0.1, height=0.2)
    spin = math.pi  # clockwise; about y, which points away from the eye
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=HalfSpace(0.08),
        inflows=[Inflow(spout, at(0, 0, -1.5))],
        solids=[
            Moving(cube, middle, spin=-spin if config.dim == 2 else spin, axis=(0.0, 1.0, 0.0))
        ],
    )


if __name__ == "__main__":
    sys.exit(run(build))
