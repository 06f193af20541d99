"""A stream pours down on a lying ring."""

import sys

from fluidsim import Inflow, LiquidScene, RunConfig, run
from fluidsim.solid.shapes import Cylinder, HalfSpace, Torus


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    spout = Cylinder(at(0.5, 0.5, 0.88), radius=0.17, height=0.2)
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=HalfSpace(0.05),
        inflows=[Inflow(spout, at(0, 0, -1.5))],
        solids=[Torus(at(0.5, 0.5, 0.55), ring_radius=0.17, tube_radius=0.11)],
        open_sides=["x-", "x+"] if config.dim == 2 else ["x-", "x+", "y-", "y+"],
    )


if __name__ == "__main__":
    sys.exit(run(build))
