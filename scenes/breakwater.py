"""A dam break runs up a breakwater, whose section is a spline, and over it."""

import sys

from fluidsim import LiquidScene, RunConfig, run
from fluidsim.solid.shapes import Box
from fluidsim.solid.splines import ClosedCurve, Extruded, SplineArea

SECTION = (  # counter-clockwise, m; the toe, the lee and the crest that throws the water back
    (0.95, -0.06), (1.30, -0.06), (1.62, -0.06), (1.60, 0.05),
    (1.42, 0.14), (1.36, 0.30), (1.20, 0.42), (1.16, 0.28), (1.20, 0.10), (1.00, 0.03),
)  # fmt: skip
WEIGHTS = (1, 1, 1, 1, 1, 1, 3, 1, 2, 1)


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    section = SplineArea(ClosedCurve(SECTION, WEIGHTS))
    return LiquidScene(
        size=at(2, 1, 1),
        liquid=Box(at(0, 0, 0), at(0.5, 1, 0.7)),
        solids=[Extruded(section, 0.0, 0.42), Extruded(section, 0.66, 1.0)],
    )


if __name__ == "__main__":
    sys.exit(run(build))
