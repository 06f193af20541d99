"""A dam break hits a box with gauges: the experiment of Kleefsman et al. 2005."""

import sys

from fluidsim import Camera, HeightProbe, LiquidScene, PressureProbe, RunConfig, View, run
from fluidsim.solid.shapes import Box

FRONT, TOP = 0.8245, 0.161  # m, of the box


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    front = [(FRONT, z) for z in (0.021, 0.061, 0.101, 0.141)]
    top = [(x, TOP) for x in (0.8035, 0.7635, 0.7235, 0.6835)]
    pressures = {
        f"P{number}": PressureProbe(at(x, 0.471, z))
        for number, (x, z) in enumerate([*front, *top], start=1)
    }
    heights = {
        f"H{number}": HeightProbe(at(x, 0.5, 0)[:-1])
        for number, x in enumerate((0.496, 0.992, 1.488, 2.638), start=1)
    }
    return LiquidScene(
        size=at(3.22, 1, 1),
        liquid=Box(at(1.992, -1, -1), at(4, 2, 0.55)),
        solids=[Box(at(0.6635, 0.2955, -0.1), at(FRONT, 0.6985, TOP))],
        probes={**pressures, **heights},
        frame_seconds=1 / 20,
        view=View(camera=Camera((0.3, -3.3, 1.8), (1.55, 0.5, 0.25), 31)),
    )


if __name__ == "__main__":
    sys.exit(run(build))
