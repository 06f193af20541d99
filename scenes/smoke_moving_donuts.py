"""Rings sweep to and fro through a plume."""

import sys

from fluidsim import RunConfig, SmokeScene, Source, run
from fluidsim.solid.motion import Keyframe, Keyframed
from fluidsim.solid.shapes import Cylinder, Torus


def build(config: RunConfig) -> SmokeScene:
    at = config.point
    donuts = []
    for height, way in ((0.4, 1.0), (0.65, -1.0)):
        middle = at(0.5 - way * 0.22, 0.5, height)
        ring = Torus(middle, ring_radius=0.16, tube_radius=0.06)
        swing = 1.2  # s from one side to the other
        keys = tuple(Keyframe(swing * n, at(way * 0.44 * (n % 2), 0, 0)) for n in range(100))
        donuts.append(Keyframed(ring, middle, keys))
    return SmokeScene(
        size=at(1, 1, 1),
        sources=[Source(Cylinder(at(0.5, 0.5, 0.02), radius=0.12, height=0.06))],
        solids=donuts,
        open_sides=["z+"],
    )


if __name__ == "__main__":
    sys.exit(run(build))
