"""A long dam break on a bunny, or on the mesh of --mesh."""

import math
import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.scene.figurines import bunny
from fluidsim.solid.shapes import Box


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    return LiquidScene(
        size=at(2, 1, 1),
        liquid=Box(at(0, 0, 0), at(0.6, 1, 0.65)),
        solids=[bunny(config, at(1.25, 0.5, 0), height=0.5, turn=math.pi)],
    )


if __name__ == "__main__":
    sys.exit(run(build))
