"""A puff of air rolls up into a ring of smoke that carries itself upwards."""

import sys

from fluidsim import Camera, RunConfig, SmokeOptions, SmokeScene, Source, View, run
from fluidsim.solid.shapes import Cylinder, Torus

RADIUS = 0.25  # m
SPEED = 1.1  # m/s
PUFF = 0.14  # s that air is pushed


def build(config: RunConfig) -> SmokeScene:
    at = config.point
    disc = Cylinder(at(0.5, 0.5, 0.15), RADIUS, height=0.1)
    lip = Torus(at(0.5, 0.5, 0.28), RADIUS, tube_radius=0.02)  # above what is pushed
    dense = 3.0 if config.dim == 2 else 1.0  # to be seen: a slice has no depth
    return SmokeScene(
        size=at(1, 1, 1.2),
        sources=[
            Source(disc, density=0.0, temperature=0.0, velocity=at(0, 0, SPEED), until=PUFF),
            # What is smoky here at the start is all that goes into the core of the ring.
            Source(lip, density=dense, temperature=0.0, roughness=0.0, until=0.1 * PUFF),
        ],
        open_sides=["z+"],
        physics=SmokeOptions(weight=0.0, lift=0.0, vorticity=0.1),
        view=View(camera=Camera((1.15, -1.35, 2.6), (0.5, 0.5, 0.6), 24)),
    )


if __name__ == "__main__":
    sys.exit(run(build))
