"""A ball of water falls into a pool."""

import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.shapes import HalfSpace, Sphere


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=HalfSpace(0.25) | Sphere(at(0.5, 0.5, 0.7), 0.14),
    )


if __name__ == "__main__":
    sys.exit(run(build))
