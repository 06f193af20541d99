"""A hot plume rises in a tall room that is open at the top."""

import sys

from fluidsim import RunConfig, SmokeScene, Source, run
from fluidsim.solid.shapes import Cylinder


def build(config: RunConfig) -> SmokeScene:
    at = config.point
    return SmokeScene(
        size=at(1, 1, 1.5),
        sources=[Source(Cylinder(at(0.5, 0.5, 0.02), radius=0.1, height=0.06), roughness=0.8)],
        open_sides=["z+"],
    )


if __name__ == "__main__":
    sys.exit(run(build))
