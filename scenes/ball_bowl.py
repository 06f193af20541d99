"""A ball of water falls into a bowl and splashes out."""

import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.shapes import HalfSpace, Sphere


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    middle = at(0.5, 0.5, 0.42)
    bowl = (Sphere(middle, 0.36) - Sphere(middle, 0.31)) & HalfSpace(0.36)
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=Sphere(at(0.53, 0.5, 0.72), 0.2),
        solids=[bowl],
    )


if __name__ == "__main__":
    sys.exit(run(build))
