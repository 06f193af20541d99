"""A long dam break through a forest of pillars."""

import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.shapes import Box, Cylinder


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    rows = [(0.9, (0.2, 0.5, 0.8)), (1.15, (0.35, 0.65)), (1.4, (0.2, 0.5, 0.8))]
    tall = config.dim == 3  # in a slice tall pillars would be dams
    pillars = [
        Cylinder(at(x, y, 0), radius=0.06, height=0.8 if tall else 0.12)
        for x, ys in rows
        for y in ys
    ]
    return LiquidScene(
        size=at(2, 1, 1),
        liquid=Box(at(0, 0, 0), at(0.6, 1, 0.7)),
        solids=pillars,
    )


if __name__ == "__main__":
    sys.exit(run(build))
