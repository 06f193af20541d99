"""A hot plume rises against a sphere."""

import sys

from fluidsim import RunConfig, SmokeScene, Source, run
from fluidsim.solid.shapes import Cylinder, Sphere


def build(config: RunConfig) -> SmokeScene:
    at = config.point
    return SmokeScene(
        size=at(1, 1, 1),
        sources=[Source(Cylinder(at(0.5, 0.5, 0.02), radius=0.1, height=0.06))],
        solids=[Sphere(at(0.56, 0.5, 0.45), 0.15)],
        open_sides=["z+"],
    )


if __name__ == "__main__":
    sys.exit(run(build))
