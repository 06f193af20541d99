"""A dam break runs up and over a round hill."""

import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.shapes import Box, Ellipsoid


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    hill = Ellipsoid(at(1.2, 0.5, 0), at(0.4, 0.42, 0.3))
    return LiquidScene(
        size=at(2, 1, 1),
        liquid=Box(at(0, 0, 0), at(0.55, 1, 0.75)),
        solids=[hill],
    )


if __name__ == "__main__":
    sys.exit(run(build))
