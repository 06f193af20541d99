"""Water fills a vase, turned from a spline, until it runs over."""

import sys

from fluidsim import Inflow, LiquidScene, RunConfig, run
from fluidsim.solid.shapes import Cylinder, Sphere
from fluidsim.solid.splines import ClosedCurve, Revolved, SplineArea

OUTSIDE = ((0.16, 0.0), (0.19, 0.05), (0.32, 0.17), (0.33, 0.34), (0.19, 0.46), (0.21, 0.60))
RIM = ((0.28, 0.66), (0.25, 0.71))
INSIDE = ((0.15, 0.62), (0.12, 0.46), (0.25, 0.32), (0.24, 0.18), (0.11, 0.07))
HALF = (*OUTSIDE, *RIM, *INSIDE)  # distance from the axis, height; the bottom lies across the axis
MIRRORED = tuple((-x, z) for x, z in reversed(HALF))


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    wall = SplineArea(ClosedCurve((*HALF, *MIRRORED)))
    return LiquidScene(
        size=at(1, 1, 1),
        liquid=Cylinder(at(0.5, 0.5, 0.1), radius=0.18, height=0.2),
        inflows=[Inflow(Sphere(at(0.5, 0.5, 0.9), 0.05), velocity=at(0, 0, -1.5))],
        solids=[Revolved(wall, at(0.5, 0.5, 0.0))],
    )


if __name__ == "__main__":
    sys.exit(run(build))
