"""A block dips into standing water, again and again."""

import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.motion import Keyframe, Keyframed
from fluidsim.solid.shapes import Box, HalfSpace


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    block = Box(at(0.3, 0.3, 0.6), at(0.6, 0.7, 0.85))
    swing = 0.4  # s between the upper and the lower end
    keys = tuple(Keyframe(swing * n, at(0, 0, -0.4 if n % 2 else 0)) for n in range(200))
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=HalfSpace(0.4),
        solids=[Keyframed(block, at(0.45, 0.5, 0.7), keys)],
    )


if __name__ == "__main__":
    sys.exit(run(build))
