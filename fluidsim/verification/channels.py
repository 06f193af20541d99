"""Viscous flows between walls and down a slope, and the wake of a cylinder."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor

from fluidsim.scene.scene import LiquidScene, SmokeScene
from fluidsim.smoke.smoke import Smoke, SmokeOptions
from fluidsim.solid.boundary import Inlet, Wall
from fluidsim.solid.shapes import HalfSpace, Sphere
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot
from fluidsim.verification.worlds import faces, fill, frames, liquid, smoke

DENSITY, SPEED = 1.2, 1.0
POISEUILLE = "Poiseuille: u = 6 U y (1 - y), dp/dx = -12 mu U / H^2"


def viscous(viscosity: float) -> SmokeOptions:
    return SmokeOptions(weight=0.0, lift=0.0, vorticity=0.0, cooling=0.0, viscosity=viscosity)


def channel(cells: int) -> Findings:
    """Uniform flow enters a channel of 6 heights at Re 20; it is measured far from both ends."""
    viscosity = DENSITY * SPEED / 20
    scene = SmokeScene(
        size=(6.0, 1.0), inlets=[Inlet("x-", (SPEED, 0.0))], open_sides=["x+"],
        physics=viscous(viscosity), density=DENSITY,
    )  # fmt: skip
    room = smoke(scene, 6 * cells, rtol=1e-6)
    for _ in frames(room, 12.0, 0.25):
        pass
    y = (np.arange(cells) + 0.5) / cells
    flow = room.grid.faces(room.velocity, 0)[4 * cells].numpy()
    exact = 6 * SPEED * y * (1 - y)
    assert room.pressure is not None
    pressure = room.pressure.mean(1).numpy()[3 * cells : 5 * cells]
    slope = np.polyfit((np.arange(2 * cells) + 0.5) / cells, pressure, 1)[0]
    axis = float(flow[cells // 2 - 1 : cells // 2 + 1].mean() / exact[cells // 2 - 1])
    return Findings(
        (
            Check("speed on the axis / exact", axis, 1.0, 0.01),
            Check("pressure gradient / exact", slope / (-12 * viscosity * SPEED), 1.0, 0.01),
            Check("mean speed / inlet", float(flow.mean()) / SPEED, 1.0, 0.001),
        ),
        (_profile(f"channel, {cells} cells", "height / H", y, flow / SPEED, exact / SPEED),),
    )


def driven(cells: int) -> Findings:
    """Poiseuille flow enters; a uniform acceleration replaces the pressure gradient."""
    friction = SPEED / 20  # kinematic viscosity
    push = 12 * friction * SPEED
    scene = SmokeScene(
        size=(4.0, 1.0), open_sides=["x+"],
        inlets=[Inlet("x-", functools.partial(_parabola, SPEED, 1.0))],
        physics=viscous(DENSITY * friction), density=DENSITY,
        body_force=functools.partial(_along, push),
    )  # fmt: skip
    room = smoke(scene, 4 * cells, rtol=1e-6)
    for _ in frames(room, 8.0, 0.25):
        pass
    y = (np.arange(cells) + 0.5) / cells
    flow = room.grid.faces(room.velocity, 0)[2 * cells].numpy()
    exact = 6 * SPEED * y * (1 - y)
    assert room.pressure is not None
    pressure = room.pressure.mean(1).numpy()[cells : 3 * cells]
    slope = np.polyfit((np.arange(2 * cells) + 0.5) / cells, pressure, 1)[0]
    error = float(np.abs(flow - exact).max() / exact.max())
    return Findings(
        (
            Check("worst error / fastest", error, 0.0, 0.01),
            Check("pressure gradient / body force", slope / (DENSITY * push), 0.0, 0.01),
        ),
        (_profile(f"driven, {cells} cells", "height / H", y, flow, exact),),
    )


def film(cells: int, degrees: float) -> Findings:
    """A viscous film starts to flow down a slope; its middle soon flows like an infinite film.

    cells: across its thickness. degrees: of the slope; 90 is a wall.
    """
    thick, gravity = 0.1, 9.81
    angle = math.radians(degrees)
    pull = gravity * math.sin(angle)
    friction = math.sqrt(pull * thick**3)  # kinematic viscosity: a Reynolds number near 1
    scene = LiquidScene(
        size=(1.6, 0.15), liquid=HalfSpace(thick), viscosity=1000 * friction,
        gravity=(pull, -gravity * math.cos(angle)),
    )  # fmt: skip
    tank = liquid(scene, 16 * cells, rtol=1e-6)
    end = 1.5 * thick**2 / friction
    for _ in frames(tank, end, end / 40):
        pass
    y = (np.arange(cells) + 0.5) / cells
    flow = tank.window.faces(tank.velocity, 0)[8 * cells, :cells].numpy()
    fastest = pull * thick**2 / (2 * friction)
    exact = fastest * y * (2 - y)
    for k in range(20):  # the rest of the start: the series of the half channel
        m = (k + 0.5) * math.pi
        decay = math.exp(-(m**2) * friction * end / thick**2)
        exact -= fastest * 4 / m**3 * decay * np.sin(m * y)
    error = float(np.abs(flow - exact).max() / fastest)
    return Findings(
        (Check("worst error / surface speed", error, 0.0, 0.03),),
        (_profile(f"film, {degrees:g} degrees", "height / film", y, flow, exact),),
    )


def steady_cylinder(sizes: tuple[int, ...]) -> Findings:
    """The steady flow past a cylinder in a channel, Re 20. sizes: cells across the cylinder."""
    size, wide, mean, viscosity = 0.1, 0.41, 0.2, 1e-3
    drags = []
    for cells in sizes:
        scene = SmokeScene(
            size=(1.2, wide), solids=[Sphere((0.2, 0.2), size / 2)], open_sides=["x+"],
            inlets=[Inlet("x-", functools.partial(_parabola, mean, wide))],
            physics=viscous(viscosity), density=1.0,
        )  # fmt: skip
        room = smoke(scene, round(1.2 / size * cells), rtol=1e-6)
        fill(room, 0, _parabola(mean, wide, torch.stack(faces(room, 0), -1))[..., 0])
        for _ in frames(room, 6.0, 0.1):
            pass
        drags.append(float(room.force_on_solids()[0]) / (0.5 * mean**2 * size))
    return Findings(
        tuple(
            Check(f"drag coefficient, {cells} cells", drag, 5.5795, 0.055)
            for cells, drag in zip(sizes, drags, strict=True)
        )
    )


def cylinder(cells: int) -> Findings:
    """A cylinder at Re 100, with all sides far away. cells: across the cylinder."""
    size, ahead, wide = 0.1, 1.5, 2.5
    scene = SmokeScene(
        size=(2.5, wide), solids=[Sphere((ahead, wide / 2), size / 2)], open_sides=["x+"],
        inlets=[Inlet("x-", (SPEED, 0.0))],
        walls={"z-": Wall(slip=True), "z+": Wall(slip=True)},
        physics=viscous(DENSITY * SPEED * size / 100), density=DENSITY,
    )  # fmt: skip
    room = smoke(scene, round(2.5 / size * cells), rtol=1e-5)
    _wind(room, ahead, wide, size)
    times, forces = [], []
    for time in frames(room, 9.0, 0.02):
        times.append(time)
        forces.append(room.force_on_solids().numpy() / (0.5 * DENSITY * SPEED**2 * size))
    force = np.array(forces)
    settled = np.array(times) > 5.5
    drag, lift = float(force[settled, 0].mean()), force[settled, 1]
    spectrum = np.abs(np.fft.rfft((lift - lift.mean()) * np.hanning(len(lift)), 1 << 14))
    frequency = float(np.fft.rfftfreq(1 << 14, 0.02)[spectrum.argmax()])
    return Findings(
        (
            Check("drag coefficient", drag, 1.33, 0.0665),
            Check("Strouhal number", frequency * size / SPEED, 0.165, 0.004),
        ),
        (
            Plot(
                f"cylinder, {cells} cells", "time U / D", "force coefficients",
                (
                    Curve("drag", [t / size for t in times[10:]], force[10:, 0].tolist()),
                    Curve("lift", [t / size for t in times[10:]], force[10:, 1].tolist()),
                ),
            ),
        ),
    )  # fmt: skip


def _wind(room: Smoke, ahead: float, wide: float, size: float) -> None:
    """Start with the wind, and behind the cylinder a gust across it, which starts the street."""
    room.grid.faces(room.velocity, 0).fill_(SPEED)
    points = room.grid.face_positions(1, torch.device("cpu"))
    away = (points - points.new_tensor((ahead + 2 * size, wide / 2))).norm(dim=-1)
    gust = room.grid.faces(
        torch.stack([torch.zeros_like(away), torch.exp(-((away / size) ** 2))]), 1
    )
    faces = room.grid.faces(room.velocity, 1)
    faces[:, 1:-1] = 0.3 * SPEED * gust[:, 1:-1]


def _parabola(mean: float, wide: float, points: Tensor) -> Tensor:
    """Poiseuille flow along x between walls at a distance `wide`, m/s."""
    flow, height = torch.zeros_like(points), points[..., -1] / wide
    flow[..., 0] = 6 * mean * height * (1 - height)
    return flow


def _along(push: float, points: Tensor, time: float) -> Tensor:
    """A uniform acceleration along x, m/s^2."""
    return points.new_tensor((push, *(0.0,) * (points.shape[-1] - 1))).expand_as(points)


def _profile(title: str, up: str, y: np.ndarray, flow: np.ndarray, exact: np.ndarray) -> Plot:
    """The plot of a speed over the height."""
    curves = (
        Curve("exact", exact.tolist(), y.tolist(), True),
        Curve("measured", flow.tolist(), y.tolist()),
    )
    return Plot(title, "speed", up, curves)


CASES = (
    *(
        Case(
            f"channel-inlet-{cells}",
            f"channel flow from a uniform inlet at Re 20, {cells} cells across",
            POISEUILLE, functools.partial(channel, cells), cells,
        )
        for cells in (16, 32)
    ),
    Case(
        "channel-driven-16", "channel flow driven by a body force, 16 cells across",
        POISEUILLE, functools.partial(driven, 16), 10,
    ),
    *(
        Case(
            f"channel-film-{degrees:g}",
            f"viscous film, 8 cells thick, on a slope of {degrees:g} degrees",
            "u = g sin(a) y (2 h - y) / (2 nu), with the series of its start (Batchelor 1967, 4.2)",
            functools.partial(film, 8, degrees), 20,
        )
        for degrees in (30.0, 90.0)
    ),
    Case(
        "channel-steady_cylinder",
        "steady flow past a cylinder in a channel at Re 20, 10 and 20 cells across",
        "Schaefer & Turek 1996, benchmark 2D-1; drag 5.57953 by spectral elements (Nabh 1998)",
        functools.partial(steady_cylinder, (10, 20)), 25,
    ),
    Case(
        "channel-cylinder",
        "wake of a cylinder at Re 100, 12 cells across, sides at least 12 diameters away",
        "drag 1.33 (to 5 %), Strouhal number 0.165 (Park, Kwon & Choi 1998, KSME Int. J. 12), with "
        "nothing around",
        functools.partial(cylinder, 12), 110,
    ),
)  # fmt: skip
