"""A puff rolls up into a ring of smoke that carries itself upwards."""

import sys

from fluidsim import Camera, RunConfig, SmokeOptions, SmokeScene, Source, View, run
from fluidsim.shapes import Cylinder

SPEED = 5.0  # m/s
STROKE = 0.4  # m of air that is pushed out, two widths of the disc


def build(config: RunConfig) -> SmokeScene:
    at = config.point
    disc = Cylinder(at(0.5, 0.5, 0.05), radius=0.1, height=0.06)
    puff = Source(
        disc, temperature=0.0, velocity=at(0, 0, SPEED), roughness=0.0, until=STROKE / SPEED
    )
    return SmokeScene(
        size=at(1, 1, 1.5),
        sources=[puff],
        open_sides=["z+"],
        physics=SmokeOptions(weight=0.0, lift=0.0, vorticity=0.0),
        view=View(camera=Camera((1.7, -2.1, 1.85), (0.5, 0.5, 0.76), 29)),
    )


if __name__ == "__main__":
    sys.exit(run(build))
