"""A hot plume rises against a bunny, or against the mesh of --mesh."""

import sys

from fluidsim import RunConfig, SmokeScene, Source, run
from fluidsim.scene.figurines import bunny
from fluidsim.solid.shapes import Cylinder


def build(config: RunConfig) -> SmokeScene:
    at = config.point
    return SmokeScene(
        size=at(1, 1, 1),
        sources=[Source(Cylinder(at(0.5, 0.5, 0.02), radius=0.13, height=0.06))],
        solids=[bunny(config, at(0.5, 0.5, 0.28), height=0.42)],
        open_sides=["z+"],
    )


if __name__ == "__main__":
    sys.exit(run(build))
