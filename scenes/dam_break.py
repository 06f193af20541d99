"""A column of water breaks loose and hits pillars."""

import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.shapes import Box, Cylinder


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    tall = config.dim == 3  # in a slice tall pillars would be dams
    pillars = [
        Cylinder(at(x, y, 0), radius=0.06, height=0.75 if tall else 0.15)
        for x, y in ((0.62, 0.28), (0.62, 0.72), (0.82, 0.5))
    ]
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=Box(at(0, 0, 0), at(0.5, 1, 0.45)),
        solids=pillars,
    )


if __name__ == "__main__":
    sys.exit(run(build))
