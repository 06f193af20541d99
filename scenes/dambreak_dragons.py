"""A column of water breaks loose on two dragons, or on two of the mesh of --mesh."""

import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.scene.figurines import dragon
from fluidsim.solid.shapes import Box


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    turned = 2.6  # the second one looks away from the water
    return LiquidScene(
        size=at(2, 1, 1),
        liquid=Box(at(0, 0, 0), at(0.5, 1, 0.65)),
        solids=[
            dragon(config, at(0.95, 0.3, 0), height=0.45, turn=turned),
            dragon(config, at(1.65, 0.65, 0), height=0.36),
        ],
    )


if __name__ == "__main__":
    sys.exit(run(build))
