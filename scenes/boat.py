"""A boat with a keel of lead rides out the wave of a dam break."""

import sys

from fluidsim import LiquidScene, RigidBody, RunConfig, run
from fluidsim.solid.shapes import Box, Cylinder, Ellipsoid, HalfSpace


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    hull = Ellipsoid(at(1.15, 0.5, 0.36), at(0.30, 0.15, 0.17)) & HalfSpace(0.37)
    cabin = Box(at(1.0, 0.43, 0.33), at(1.2, 0.57, 0.46))
    funnel = Cylinder(at(1.08, 0.5, 0.4), radius=0.04, height=0.16)
    return LiquidScene(
        size=at(2, 1, 1),
        liquid=Box(at(0, 0, 0), at(0.45, 1, 0.75)) | HalfSpace(0.28),
        solids=[
            RigidBody(
                hull | cabin | funnel,
                density=lambda points: 300.0 + 900.0 * (points[..., -1] < 0.25),
            )
        ],
    )


if __name__ == "__main__":
    sys.exit(run(build))
