"""A stream runs down a stair of slanting panels."""

import sys

from fluidsim import Inflow, LiquidScene, RunConfig, run
from fluidsim.solid.shapes import Box, HalfSpace


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    spout = Box(at(0.06, 0.3, 0.9), at(0.2, 0.7, 2))
    panels = []
    for left, height, tilt in ((-0.2, 0.7, 0.25), (0.4, 0.42, -0.25), (-0.2, 0.14, 0.25)):
        plate = Box(at(left, -1, height), at(left + 0.8, 2, height + 0.05))
        turn = -tilt if config.dim == 2 else tilt
        panels.append(plate.rotated(turn, at(left + 0.4, 0.5, height), (0.0, 1.0, 0.0)))
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=HalfSpace(0.05),
        inflows=[Inflow(spout, at(0, 0, -1))],
        solids=panels,
    )


if __name__ == "__main__":
    sys.exit(run(build))
