"""What longer steps change: a dam break that hits pillars, at several CFL numbers."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace

from fluidsim import taichi_runtime
from fluidsim.figures.report import markdown
from fluidsim.liquid.liquid import Liquid
from fluidsim.scene.config import RunConfig
from fluidsim.scene.scene import LiquidScene
from fluidsim.solid.shapes import Box, Cylinder
from fluidsim.timing import StageTimer
from solvers import runtime

NUMBERS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)
GRIDS = ((2, 64), (3, 32))  # dimension, resolution
FRAME, FRAMES = 0.1, 10  # s; in a shorter frame nothing moves by 20 cells
FRONT = 0.99  # of the particles are behind the front
LEVEL, GRAVITY = 0.45, 9.81


@dataclass(frozen=True)
class Course:
    """A run: steps; of each frame the front, m, the energy over that at the start, and the error of
    the volume; particles removed over those there are, and the deepest one in a solid, in cells."""

    steps: int
    fronts: list[float]
    energies: list[float]
    errors: list[float]
    removed: float
    inside: float

    def cells(self) -> list[str]:
        """Of a table."""
        rms = math.sqrt(statistics.fmean(error**2 for error in self.errors))
        half = len(self.energies) // 2
        return [
            str(self.steps), f"{self.fronts[2]:.2f}", f"{self.energies[half - 1]:.2f}",
            f"{self.energies[-1]:.2f}", f"{rms:.2%}", f"{self.removed:.1%}", f"{self.inside:.2f}",
        ]  # fmt: skip


def dam(config: RunConfig) -> LiquidScene:
    """A column of water before two pillars."""
    at = config.point
    height = 0.75 if config.dim == 3 else 0.15  # in a slice tall pillars would be dams
    pillars = [Cylinder(at(x, 0.5, 0), radius=0.06, height=height) for x in (0.62, 0.82)]
    column = Box(at(0, 0, 0), at(0.5, 1, LEVEL))
    return LiquidScene(size=at(1, 1, 1), liquid=column, solids=pillars, frame_seconds=FRAME)


def course(dim: int, resolution: int, cfl: float) -> Course:
    """Run the dam at a CFL number."""
    config = RunConfig(scene="dam", dim=dim, resolution=resolution)
    threads = runtime.configure()
    taichi_runtime.start(threads)
    scene = replace(dam(config), cfl=cfl)
    liquid = scene.simulate(config, threads, StageTimer(threads.device))
    assert isinstance(liquid, Liquid)
    steps, inside = 0, 0.0
    fronts, energies, errors = [], [], []
    for _ in range(FRAMES):
        steps += liquid.advance(FRAME).substeps
        places = liquid.window.metres(liquid.particles.positions)
        depth = -liquid.solids.distance_at(places, liquid.time) / liquid.grid.dx
        inside = max(inside, float(depth.max()))
        kinetic = float(liquid.particles.velocities.square().sum(1).mean()) / 2
        potential = GRAVITY * float(places[:, -1].mean())
        fronts.append(float(places[:, 0].sort().values[int(FRONT * len(places))]))
        energies.append((kinetic + potential) / (GRAVITY * LEVEL / 2))
        errors.append(liquid.volume_error())
    removed = liquid.lost.removed / liquid.particle_count
    return Course(steps, fronts, energies, errors, removed, inside)


def cfl() -> str:
    """The section `cfl`."""
    head = ["dam break", "CFL", "steps", "front, m", "energy at 0.5 s", "at 1 s", "volume error",
            "removed", "in solids"]  # fmt: skip
    lines = [head]
    for dim, resolution in GRIDS:
        for number in NUMBERS:
            print(f"cfl {number:g} in {dim}D", flush=True)
            row = course(dim, resolution, number).cells()
            lines.append([f"{resolution}^{dim}", f"{number:g}", *row])
    note = (
        f"{FRAMES} frames of {FRAME:g} s. Front: {FRONT:.0%} of the particles are behind it at "
        f"0.3 s. Energy: of the particles, over that at the start. Volume error: root mean square "
        f"over the frames. Removed: particles that found no room in crowded cells, over all that "
        f"there are. In solids: depth of the deepest particle, in cells."
    )
    return f"{markdown(lines)}\n\n{note}"
