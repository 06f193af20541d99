"""A raft of logs with its freight, a crate and a ball, on the waves of a pool."""

import sys

from fluidsim import LiquidScene, RigidBody, RunConfig, run
from fluidsim.solid.shapes import Box, Capsule, HalfSpace, Sphere, Union


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    logs = [Capsule(at(0.75, y, 0.36), at(1.35, y, 0.36), 0.055) for y in (0.3, 0.4, 0.5, 0.6, 0.7)]
    beams = [Box(at(x, 0.27, 0.39), at(x + 0.06, 0.73, 0.44)) for x in (0.8, 1.24)]
    raft = Union((*logs, *beams))
    return LiquidScene(
        size=at(2, 1, 1),
        liquid=HalfSpace(0.35) | Box(at(0, 0, 0), at(0.3, 1, 0.6)),
        solids=[
            RigidBody(raft, density=500, friction=0.8),
            RigidBody(Box(at(0.95, 0.42, 0.445), at(1.11, 0.58, 0.6)), density=200, friction=0.8),
            RigidBody(Sphere(at(1.55, 0.5, 0.5), 0.09), density=150, restitution=0.5),
        ],
    )


if __name__ == "__main__":
    sys.exit(run(build))
