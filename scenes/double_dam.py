"""Two columns of water break loose and meet over a ridge."""

import math
import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.shapes import Box


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    middle = at(1.0, 0.5, 0.0)
    edge = Box(at(0.88, -1, -0.12), at(1.12, 2, 0.12))
    ridge = edge.rotated(math.pi / 4, middle, (0.0, 1.0, 0.0))
    return LiquidScene(
        size=at(2, 1, 1),
        liquid=Box(at(0, 0, 0), at(0.4, 1, 0.7)) | Box(at(1.6, 0, 0), at(2, 1, 0.55)),
        solids=[ridge],
    )


if __name__ == "__main__":
    sys.exit(run(build))
