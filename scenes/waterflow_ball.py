"""A stream shoots from the wall and breaks over a ball."""

import sys

from fluidsim import Inflow, LiquidScene, Outflow, RunConfig, run
from fluidsim.solid.shapes import Box, HalfSpace, Sphere


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    spout = Box(at(-1, 0.36, 0.6), at(0.08, 0.64, 0.84))
    drain = Box(at(0.85, -1, -1), at(2, 2, 0.1))
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=HalfSpace(0.1),
        inflows=[Inflow(spout, at(2, 0, 0))],
        outflows=[Outflow(drain)],
        solids=[Sphere(at(0.55, 0.5, 0.42), 0.17)],
    )


if __name__ == "__main__":
    sys.exit(run(build))
