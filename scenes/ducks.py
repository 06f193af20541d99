"""Ducks on the water of a tank that a paddle stirs: rigid bodies that float."""

import math
import sys

from fluidsim import LiquidScene, RigidBody, RunConfig, run
from fluidsim.scene.figurines import duck
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, HalfSpace

DUCKS = (  # place x, y; height; turn
    (0.25, 0.25, 0.22, 0.6),
    (0.70, 0.22, 0.18, 2.4),
    (0.78, 0.68, 0.22, 3.6),
    (0.30, 0.74, 0.18, 5.2),
    (0.50, 0.48, 0.26, 1.2),
)


def floating(config: RunConfig, x: float, y: float, height: float, turn: float) -> RigidBody:
    """A duck with a heavy belly, which keeps its head up."""
    base, belly = 0.41, 0.41 + 0.2 * height
    return RigidBody(
        duck(config, config.point(x, y, base), height, turn),
        density=lambda points: 150.0 + 750.0 * (points[..., -1] < belly),
    )


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    paddle = Box(at(0.15, 0.45, 0.05), at(0.85, 0.55, 0.25))
    ducks = DUCKS
    if config.dim == 2:  # in a slice the paddle turns about the axis that is cut away
        paddle = Box(at(0.3, 0, 0.14), at(0.7, 0, 0.22))
        ducks = (DUCKS[0], DUCKS[2])
    return LiquidScene(
        size=at(1, 1, 0.8),
        liquid=HalfSpace(0.42),
        solids=[
            Moving(paddle, pivot=at(0.5, 0.5, 0.18), spin=1.2 * math.pi),
            *(floating(config, *each) for each in ducks),
        ],
    )


if __name__ == "__main__":
    sys.exit(run(build))
