"""A stream fills a pool, which drains on the other side."""

import sys

from fluidsim import Inflow, LiquidScene, Outflow, RunConfig, run
from fluidsim.solid.shapes import Box, HalfSpace


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    spout = Box(at(-1, 0.3, 0.55), at(0.08, 0.7, 0.75))
    drain = Box(at(0.8, 0.3, -1), at(0.95, 0.7, 0.03))
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=HalfSpace(0.25),
        inflows=[Inflow(spout, at(1.5, 0, 0))],
        outflows=[Outflow(drain)],
    )


if __name__ == "__main__":
    sys.exit(run(build))
