"""A column of water breaks loose in an empty room."""

import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.shapes import Box


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    return LiquidScene(size=at(2, 1, 1), liquid=Box(at(0, 0, 0), at(0.7, 1, 0.7)))


if __name__ == "__main__":
    sys.exit(run(build))
