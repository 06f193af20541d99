"""Inviscid vortices in smoke: steady cells in a box, and one that the wind carries."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fluidsim.scene import SmokeScene
from fluidsim.smoke import Smoke, SmokeOptions
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot, fitted_order
from fluidsim.verification.worlds import faces, fill, frames, smoke

IDEAL = SmokeOptions(weight=0.0, lift=0.0, vorticity=0.0, cooling=0.0)
CELLS = (32, 64, 128)
LONG = 0.125  # s between frames: substeps are as long as the CFL number lets them be
WIND, CORE = 1.0, 0.1  # m/s, m


def taylor_green() -> Findings:
    """u = sin(pi x) cos(pi y), v = -cos(pi x) sin(pi y): steady without viscosity."""
    left, errors = [], []
    for cells in CELLS:
        room = smoke(SmokeScene(size=(1.0, 1.0), physics=IDEAL), cells)
        exact = []
        for axis in (0, 1):
            x, y = (math.pi * part for part in faces(room, axis))
            flow = torch.sin(x) * torch.cos(y) if axis == 0 else -torch.cos(x) * torch.sin(y)
            fill(room, axis, flow)
            exact.append(flow)
        before = _square(room)
        for _ in frames(room, 2.0, LONG):
            pass
        left.append(_square(room) / before)
        errors.append(_error(room, exact) / math.sqrt(before))
    return _findings("Taylor-Green cells", left, errors, 0.005)


def carried_vortex() -> Findings:
    """Taylor's vortex, whose circulation is 0: it moves with the wind by 1 m and keeps its form."""
    left, errors = (list(each) for each in zip(*map(carried, CELLS), strict=True))
    return _findings("carried vortex", left, errors, 0.02)


def carried(cells: int) -> tuple[float, float]:
    """The part of its energy that the vortex has in the end, and the error of its speed as part of
    that. cells: a metre."""
    scene = SmokeScene(size=(2.0, 1.0), physics=IDEAL, open_sides=["x-", "x+"], frame_seconds=LONG)
    room = smoke(scene, 2 * cells)
    exact = []
    for axis in (0, 1):
        fill(room, axis, _vortex(room, axis, 0.5) + WIND * (axis == 0))
        exact.append(_vortex(room, axis, 1.5))
    before = sum(float(part.square().sum()) for part in exact)
    for _ in frames(room, 1.0 / WIND, LONG):
        pass
    room.velocity[0] -= WIND
    return _square(room) / before, _error(room, exact) / math.sqrt(before)


def _vortex(room: Smoke, axis: int, x: float) -> Tensor:
    """Of 1 m/s at CORE from its middle at (x, 0.5), on the faces of an axis."""
    place = faces(room, axis)
    arm = (place[0] - x) / CORE, (place[1] - 0.5) / CORE
    swirl = torch.exp((1 - arm[0] ** 2 - arm[1] ** 2) / 2)
    return -arm[1] * swirl if axis == 0 else arm[0] * swirl


def _square(room: Smoke) -> float:
    return sum(float(room.grid.faces(room.velocity, k).double().square().sum()) for k in (0, 1))


def _error(room: Smoke, exact: list[Tensor]) -> float:
    return math.sqrt(
        sum(
            float((room.grid.faces(room.velocity, axis).double() - flow).square().sum())
            for axis, flow in enumerate(exact)
        )
    )


def _findings(title: str, left: list[float], errors: list[float], lost: float) -> Findings:
    order = fitted_order(CELLS, errors)
    ideal = [errors[-1] * (CELLS[-1] / n) ** 2 for n in CELLS]
    rows = [("cells a metre", "energy left", "error of the speed")]
    rows += [(str(n), f"{e:.4f}", f"{d:.2%}") for n, e, d in zip(CELLS, left, errors, strict=True)]
    return Findings(
        (
            Check("energy left, 64 cells a metre", left[1], 1.0, lost),
            Check("error of the speed, 128 cells a metre", errors[2], 0.0, 0.01),
            Check("order of convergence", order, 2.0, 0.1, at_least=True),
        ),
        (
            Plot(title, "cells a metre", "error of the speed", (
                Curve("second order", CELLS, ideal, reference=True),
                Curve("measured", CELLS, errors),
            ), loglog=True),
        ),
        tuple(rows),
    )  # fmt: skip


CASES = (
    Case(
        "vortex-taylor_green",
        "inviscid Taylor-Green cells in a closed box until t = 2, default CFL, 32, 64, 128 cells",
        "steady solution of Euler's equations (Taylor & Green 1937)",
        taylor_green,
        25,
    ),
    Case(
        "vortex-carried",
        "inviscid vortex carried by ten times its core, default CFL, 32, 64, 128 cells a metre",
        "Galilean invariance; the vortex of Taylor 1918 at one instant",
        carried_vortex,
        25,
    ),
)
