"""Water at rest around submerged solids: nothing moves, and the lift of a ball is the weight of the
water that it displaces."""

from __future__ import annotations

import functools
import math

import numpy as np
import scipy.ndimage
import torch

from fluidsim.liquid.liquid import Liquid
from fluidsim.scene.scene import LiquidScene
from fluidsim.solid.shapes import Box, Capsule, HalfSpace, Shape, Sphere, Torus
from fluidsim.verification.case import Case, Check, Findings
from fluidsim.verification.worlds import fastest, frames, liquid

LEVEL = 0.5  # m
GRAVITY, DENSITY = 9.81, 1000.0
RADIUS = {2: 0.15, 3: 0.2}  # m, of the ball
SECONDS = 0.5
SIZES = {2: (48, 64, 96), 3: (24, 32)}
SOURCE = "hydrostatics: p = rho g depth; Archimedes"


def submerged(name: str, dim: int) -> Shape:
    """A solid under water; in 2D a slice of it."""

    def at(x: float, z: float) -> tuple[float, ...]:
        return (x, *(0.5,) * (dim - 2), z)

    axis = None if dim == 2 else (0.0, 1.0, 0.0)
    half = (0.12, *(0.15,) * (dim - 2), 0.08)
    middle = at(0.5, 0.24)
    lower = tuple(x - h for x, h in zip(middle, half, strict=True))
    upper = tuple(x + h for x, h in zip(middle, half, strict=True))
    return {
        "ball": Sphere(at(0.5, 0.25), RADIUS[dim]),
        "capsule": Capsule(at(0.3, 0.2), at(0.7, 0.2), 0.1),
        "torus": Torus(at(0.5, 0.24), 0.22, 0.08),
        "box": Box(lower, upper).rotated(0.4, middle, axis),
    }[name]


def holes(tank: Liquid) -> int:
    """The number of air cells that are not connected to the air above the water."""
    grid = tank.window
    air = ((grid.cells(tank.solids.solid) == 0) & ~tank.fluid_cells()).numpy()
    parts = np.zeros(grid.shape, dtype=np.int32)
    scipy.ndimage.label(air, output=parts)
    above = np.unique(parts[..., math.ceil(LEVEL / grid.dx + 1) :])
    return int((~np.isin(parts, np.append(above, 0))).sum())


def still(name: str, dim: int) -> Findings:
    rows = [("cells per metre", "fastest, m/s", "holes", "lift / (rho g V)")]
    speeds, counts, lifts = [], [], []
    solid = submerged(name, dim)
    for cells in SIZES[dim]:
        scene = LiquidScene(size=(1.0,) * dim, liquid=HalfSpace(LEVEL), solids=[solid])
        tank = liquid(scene, cells)
        speed, count = 0.0, holes(tank)
        for _ in frames(tank, SECONDS, 1 / 60):
            speed, count = max(speed, fastest(tank)), max(count, holes(tank))
        lift = float(tank.force_on_solids()[-1]) / (DENSITY * GRAVITY * _volume(solid, dim))
        speeds.append(speed)
        counts.append(count)
        lifts.append(lift)
        rows.append((str(cells), f"{speed:.2g}", str(count), f"{lift:.4f}"))
    worst = max(lifts, key=lambda lift: abs(lift - 1))
    checks = [
        Check("fastest particle, m/s", max(speeds), 0.0, 1e-4),
        Check("cells of air inside the water", max(counts), 0.0, 0.0),
    ]
    if name == "ball":  # the other solids are too thin on these grids for an exact volume
        checks.append(Check("lift / (rho g V)", worst, 1.0, 0.01))
    return Findings(tuple(checks), table=tuple(rows))


def _volume(solid: Shape, dim: int) -> float:
    """The volume of a solid, m^dim, from fine cells."""
    n = 1000 if dim == 2 else 160
    line = (torch.arange(n, dtype=torch.float32) + 0.5) / n
    grid = torch.stack(torch.meshgrid(*[line] * dim, indexing="ij"), -1)
    return float((0.5 - n * solid.distance(grid)).clamp(0, 1).double().mean())


CASES = tuple(
    Case(
        f"rest-{name}-{dim}d",
        f"water at rest around a submerged {name} in {dim}D, "
        f"{', '.join(map(str, SIZES[dim]))} cells per metre",
        SOURCE,
        functools.partial(still, name, dim),
        seconds=6 if dim == 2 else 20,
    )
    for name in ("ball", "capsule", "torus", "box")
    for dim in (2, 3)
)
