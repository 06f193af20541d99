"""A bowl dips into a pool, scoops water and pours it out again."""

import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.motion import Keyframe, Keyframed
from fluidsim.solid.shapes import HalfSpace, Shape, Sphere


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    middle = at(0.28, 0.5, 0.72)
    shell: Shape = (Sphere(middle, 0.2) - Sphere(middle, 0.155)) & HalfSpace(0.72)
    keys = [  # seconds, metres right and up, radians of tipping to the right
        (0.1, 0.0, 0.0, 1.3),
        (0.5, 0.05, -0.45, 1.3),
        (0.9, 0.3, -0.47, 0.0),
        (1.4, 0.35, 0.0, 0.0),
        (1.7, 0.35, 0.0, 0.0),
        (2.1, 0.3, 0.05, -1.9),
    ]
    turn = 1.0 if config.dim == 2 else -1.0  # about y, which points away from the eye
    bowl = Keyframed(
        shell,
        middle,
        tuple(Keyframe(time, at(right, 0, up), -turn * tip) for time, right, up, tip in keys),
        axis=(0.0, 1.0, 0.0),
    )
    return LiquidScene(size=at(1, 1, 1), liquid=HalfSpace(0.4), solids=[bowl])


if __name__ == "__main__":
    sys.exit(run(build))
