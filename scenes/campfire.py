"""Fuel burns between logs: turbulence tears the flames into tongues."""

import math
import sys

from torch import Tensor

from fluidsim import Camera, Combustion, RunConfig, SmokeOptions, SmokeScene, Source, View, run
from fluidsim.flow.forces import Noise
from fluidsim.solid.shapes import Cylinder, Shape, Sphere

LEAN = 0.8  # radians that the logs lean
TURBULENCE = Noise(strength=22.0, size=0.12, period=0.2)
CALM, WIDE = 0.3, 0.4  # m: it fades below that height, and towards that distance from the axis


def logs(config: RunConfig) -> list[Shape]:
    """Five logs lean towards each other; in a slice two round ends lie beside the fire."""
    at = config.point
    if config.dim == 2:
        return [Sphere(at(x, 0.5, 0.05), 0.06) for x in (0.33, 0.67)]
    upright = Cylinder(at(0.5, 0.5, 0.0), radius=0.035, height=0.3)
    leaning = upright.rotated(LEAN, at(0.5, 0.5, 0.0), (0.0, 1.0, 0.0)).moved(at(-0.3, 0.0, 0.03))
    turns = (2 * math.pi * k / 5 for k in range(5))
    return [leaning.rotated(turn, at(0.5, 0.5, 0.0), (0.0, 0.0, 1.0)) for turn in turns]


def torn(points: Tensor, time: float) -> Tensor:
    """The acceleration, m/s^2, of the turbulence: none at the embers, which it would blow out, and
    none at the sides, where it would stir up the calm air around."""
    aside = (points[..., :-1] - 0.5).norm(dim=-1, keepdim=True)
    share = (points[..., -1:] / CALM).clamp(0, 1) * (1 - (aside / WIDE) ** 2).clamp(0, 1)
    return TURBULENCE(points, time) * share


def build(config: RunConfig) -> SmokeScene:
    at = config.point
    around = ["x-", "x+"] if config.dim == 2 else ["x-", "x+", "y-", "y+"]
    embers = Cylinder(at(0.5, 0.5, 0.0), radius=0.16, height=0.05)
    return SmokeScene(
        size=at(1, 1, 1.5),
        sources=[Source(embers, density=0.0, temperature=250.0, fuel=1.4, roughness=1.0)],
        solids=logs(config),
        open_sides=[*around, "z+"],
        body_force=torn,
        physics=SmokeOptions(
            lift=0.025,
            cooling=2.0,
            vorticity=0.6,
            dissipation=0.5,
            combustion=Combustion(rate=6.0, heat=700.0, smoke=0.1, expansion=1.0),
        ),
        view=View(preset="dark", camera=Camera((1.5, -2.4, 0.7), (0.5, 0.5, 0.5), 24)),
    )


if __name__ == "__main__":
    sys.exit(run(build))
