"""Wind past a cylinder sheds vortices, drawn by a streak of smoke."""

import math
import sys

from fluidsim import Camera, RunConfig, SmokeOptions, SmokeScene, Source, View, run
from fluidsim.shapes import Box, Cylinder, Shape, Sphere

WIND = 1.0  # m/s


def build(config: RunConfig) -> SmokeScene:
    at = config.point
    column: Shape = Sphere((0.5, 0.48), 0.08)
    if config.dim == 3:  # lies across the wind
        upright = Cylinder(at(0.5, 0.5, -0.1), radius=0.08, height=1.2)
        column = upright.rotated(math.pi / 2, at(0.5, 0.5, 0.48), (1.0, 0.0, 0.0))
    inlet = Box(at(0, -1, -1), at(0.06, 2, 2))
    streak = Box(at(0, -1, 0.36), at(0.06, 2, 0.6))
    blow = at(WIND, 0, 0)
    return SmokeScene(
        size=at(3, 1, 1),
        sources=[
            Source(inlet, density=0.0, temperature=0.0, velocity=blow),
            Source(streak, temperature=0.0, roughness=0.05),
        ],
        solids=[column],
        open_sides=["x-", "x+"],
        physics=SmokeOptions(weight=0.0, lift=0.0, vorticity=0.0),
        view=View(camera=Camera((1.5, -3.9, 0.8), (1.5, 0.5, 0.46), 26)),
    )


if __name__ == "__main__":
    sys.exit(run(build))
