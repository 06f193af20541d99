"""Cold honey pours down, and its rope buckles and lies down in coils."""

import sys

from fluidsim import Camera, Inflow, LiquidScene, RunConfig, View, run
from fluidsim.solid.shapes import Box, Cylinder, Shape

WIDTH, HEIGHT = 0.07, 0.075  # m, of the room
RADIUS = 0.005  # m, of the rope
SPEED = 0.4  # m/s


def rope(config: RunConfig, lower: float) -> Shape:
    """From the ceiling down to a height."""
    middle = WIDTH / 2
    if config.dim == 2:
        thin = RADIUS / 2  # or the sheet fills the room
        return Box((middle - thin, lower), (middle + thin, HEIGHT))
    return Cylinder((middle, middle, lower), RADIUS, HEIGHT - lower)


def build(config: RunConfig) -> LiquidScene:
    at = config.point
    falls = at(0, 0, -SPEED)
    return LiquidScene(
        size=at(WIDTH, WIDTH, HEIGHT),
        liquid=rope(config, 0.3 * HEIGHT),
        velocity=falls,
        inflows=[Inflow(rope(config, HEIGHT - 2 * RADIUS), falls)],
        transfer="apic",
        viscosity=200.0,
        density=1400.0,
        cfl=5.0,
        frame_seconds=1 / 100,
        view=View(camera=Camera((0.13, -0.15, 0.105), (0.035, 0.035, 0.027), 20), liquid="honey"),
    )


if __name__ == "__main__":
    sys.exit(run(build))
