"""A whirlwind, noise and gusts of wind take hold of rising smoke."""

import sys

from fluidsim import RunConfig, SmokeScene, Source, run
from fluidsim.flow.forces import Noise, Vortex, Wind
from fluidsim.solid.shapes import Box, Cylinder


def build(config: RunConfig) -> SmokeScene:
    at = config.point
    whirl = Vortex(at(0.5, 0.5, 0.7), strength=2.0, radius=0.25)
    gusts = Wind(at(3, 0, 0), within=Box(at(0, 0, 1), at(1, 1, 1.3)), gusts=0.8, period=1.5)
    return SmokeScene(
        size=at(1, 1, 1.5),
        sources=[Source(Cylinder(at(0.5, 0.5, 0.02), radius=0.15, height=0.06), roughness=0.5)],
        open_sides=["z+"],
        body_force=whirl + gusts + Noise(strength=1.0, size=0.3, period=0.8),
    )


if __name__ == "__main__":
    sys.exit(run(build))
