"""Balances of forces: water at rest under tilted gravity or in a rotating bucket, and the start of
a light ball of gas."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fluidsim.scene.scene import LiquidScene, SmokeScene
from fluidsim.smoke.smoke import SmokeOptions, Source
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box, HalfSpace, Shape, Sphere
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot
from fluidsim.verification.worlds import fastest, frames, heights, liquid, smoke

GRAVITY = 9.81
SPIN = math.sqrt(2 * GRAVITY)  # rad/s: the surface is the parabola z = x^2 about its axis
LOWEST = 0.2  # m, of that parabola


@dataclass(frozen=True)
class Bowl(Shape):
    """The water below LOWEST + (x - 1/2)^2."""

    def distance(self, points: Tensor) -> Tensor:
        arm = points[..., 0] - 0.5
        return (points[..., -1] - LOWEST - arm**2) / torch.sqrt(1 + 4 * arm**2)


def _outwards(points: Tensor, time: float) -> Tensor:
    """The centrifugal acceleration in a bucket that rotates about x = 1/2, m/s^2."""
    push = torch.zeros_like(points)
    push[..., 0] = SPIN**2 * (points[..., 0] - 0.5)
    return push


def bucket(cells: int) -> Findings:
    """A slice of a rotating bucket, in the frame of the bucket: the water must stay at rest."""
    scene = LiquidScene(size=(1.0, 0.75), liquid=Bowl(), body_force=_outwards)
    tank = liquid(scene, cells)
    speed = 0.0
    for _ in frames(tank, 1.0, 1 / 60):
        speed = max(speed, fastest(tank))
    x = (np.arange(cells) + 0.5) / cells
    found, exact = heights(tank), LOWEST + (x - 0.5) ** 2
    error = float(np.abs(found - exact).max()) * cells
    return Findings(
        (
            Check("fastest particle / speed of the rim", speed / (SPIN / 2), 0.0, 0.03),
            Check("worst error of the surface, cells", error, 0.0, 0.1),
        ),
        (
            Plot("turning bucket", "place, m", "height, m", (
                Curve("parabola", x[::4].tolist(), exact[::4].tolist(), True),
                Curve("measured", x.tolist(), found.tolist()),
            )),
        ),
    )  # fmt: skip


def oblique(dim: int, cells: int) -> Findings:
    """Gravity tilted by 20 degrees, a surface normal to it, and a floor that slides."""
    angle = math.radians(20)
    down = (math.sin(angle), *(0.0,) * (dim - 2), -math.cos(angle))
    middle = (0.5,) * dim
    turned = HalfSpace(0.5).rotated(angle, middle, None if dim == 2 else (0.0, -1.0, 0.0))
    floor = Moving(
        Box((-9.0,) * (dim - 1) + (-1.0,), (9.0,) * (dim - 1) + (0.13,)),
        middle, velocity=(0.5, *(0.0,) * (dim - 1)),
    )  # fmt: skip
    scene = LiquidScene(
        size=(1.0,) * dim, liquid=turned, solids=[floor],
        gravity=tuple(GRAVITY * part for part in down),
    )  # fmt: skip
    tank = liquid(scene, cells)
    speed = 0.0
    for _ in frames(tank, 0.5, 1 / 60):
        speed = max(speed, fastest(tank))
    assert tank.pressure is not None
    window = tank.window
    centres = window.cells(window.cell_positions(tank.device).movedim(-1, 0)).movedim(0, -1)
    wet = (tank.pressure != 0) & (window.cells(tank.solids.cut) == 0)
    depth = ((centres - 0.5) * centres.new_tensor(down)).sum(-1)
    misfit = (tank.pressure / (1000 * GRAVITY) - depth)[wet]
    return Findings(
        (
            Check("fastest particle, m/s", speed, 0.0, 1e-4),
            Check("worst error of the pressure head, m", float(misfit.abs().max()), 0.0, 1e-4),
        )
    )


def light_ball(dim: int, cells: int, radius: float) -> Findings:
    """The start of a ball of light gas, whose buoyancy accelerates the air around it, too.

    Of a uniform acceleration in a ball the projection leaves 1 - 1/dim, as in a polarised ball.
    cells: per metre.
    """
    lift, heat, seconds = 0.033, 100.0, 0.02
    ball = Sphere((0.5,) * dim, radius)
    scene = SmokeScene(
        size=(1.0,) * dim,
        sources=[Source(ball, temperature=heat, roughness=0.0, until=1e-6)],
        physics=SmokeOptions(weight=0.0, lift=lift, vorticity=0.0, cooling=0.0),
        frame_seconds=seconds / 4,
    )
    room = smoke(scene, cells)
    for _ in frames(room, seconds, seconds / 4):
        pass
    faces = room.grid.faces(room.velocity, dim - 1)
    centres = (faces.narrow(dim - 1, 0, cells) + faces.narrow(dim - 1, 1, cells)) / 2
    places = room.grid.cells(room.grid.cell_positions(room.device).movedim(-1, 0)).movedim(0, -1)
    rising = float(centres[ball.distance(places) < -0.4 * radius].mean())
    return Findings(
        (Check("speed / (buoyancy x time)", rising / (lift * heat * seconds), 1 - 1 / dim, 0.02),)
    )


CASES = (
    Case(
        "balance-bucket", "water at rest in a rotating bucket, 1 s, 64 cells per metre",
        "z = omega^2 r^2 / (2 g)", functools.partial(bucket, 64), 5,
    ),
    *(
        Case(
            f"balance-oblique-{dim}d",
            f"water at rest under tilted gravity, moving floor, {dim}D, {cells} cells per metre",
            "hydrostatics: p = rho g depth", functools.partial(oblique, dim, cells), 5,
        )
        for dim, cells in ((2, 64), (3, 24))
    ),
    *(
        Case(
            f"balance-light_ball-{dim}d",
            f"start of a light ball of gas in {dim}D, {cells} cells per metre",
            "added mass of a cylinder and a sphere (Batchelor 1967, 6.4 and 6.8), Boussinesq",
            functools.partial(light_ball, dim, cells, radius), 5,
        )
        for dim, cells, radius in ((2, 128, 0.06), (3, 48, 0.14))
    ),
)  # fmt: skip
