"""Inviscid vortices in smoke: steady cells in a box, and a vortex that the wind carries."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fluidsim.scene.scene import SmokeScene
from fluidsim.smoke.smoke import Smoke, SmokeOptions
from fluidsim.solid.boundary import Inlet
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot, fitted_order
from fluidsim.verification.worlds import faces, fill, frames, smoke

IDEAL = SmokeOptions(weight=0.0, lift=0.0, vorticity=0.0, cooling=0.0)
CELLS = (32, 64, 128)
LONG = 0.125  # s between frames: substeps are as long as the CFL number allows
WIND, CORE = 1.0, 0.1  # m/s, m
BOX = SmokeScene(size=(1.0, 1.0), physics=IDEAL)
TUNNEL = SmokeScene(
    size=(2.0, 1.0), physics=IDEAL, inlets=[Inlet("x-", (WIND, 0.0))], open_sides=["x+"],
    frame_seconds=LONG,
)  # fmt: skip


def taylor_green() -> Findings:
    found = [steady_cells(smoke(BOX, cells)) for cells in CELLS]
    return _findings("Taylor-Green vortices", found, 0.005)


def carried_vortex() -> Findings:
    found = [vortex_in_wind(smoke(TUNNEL, 2 * cells)) for cells in CELLS]
    return _findings("vortex carried by the wind", found, 0.02)


def steady_cells(room: Smoke) -> tuple[float, float]:
    """u = sin(pi x) cos(pi y), v = -cos(pi x) sin(pi y) in BOX: steady without viscosity.

    Returns the energy at t = 2 and the error of the speed, relative to those at the start.
    """
    exact = []
    for axis in (0, 1):
        x, y = (math.pi * part for part in faces(room, axis))
        flow = torch.sin(x) * torch.cos(y) if axis == 0 else -torch.cos(x) * torch.sin(y)
        fill(room, axis, flow)
        exact.append(flow)
    before = _square(room)
    for _ in frames(room, 2.0, LONG):
        pass
    return _square(room) / before, _error(room, exact) / math.sqrt(before)


def vortex_in_wind(room: Smoke) -> tuple[float, float]:
    """Taylor's vortex, whose circulation is 0, in TUNNEL: the wind carries it by 1 m, and it keeps
    its shape. Returns the same as `steady_cells`, for the velocity minus the wind."""
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
    """A vortex at (x, 0.5) with a speed of 1 m/s at the distance CORE, on the faces of an axis."""
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


def _findings(title: str, found: list[tuple[float, float]], lost: float) -> Findings:
    left, errors = ([row[k] for row in found] for k in (0, 1))
    order = fitted_order(CELLS, errors)
    ideal = [errors[-1] * (CELLS[-1] / n) ** 2 for n in CELLS]
    rows = [("cells per metre", "energy left", "error of the speed")]
    rows += [(str(n), f"{e:.4f}", f"{d:.2%}") for n, e, d in zip(CELLS, left, errors, strict=True)]
    return Findings(
        (
            Check("remaining energy, 64 cells per metre", left[1], 1.0, lost),
            Check("error of the speed, 128 cells per metre", errors[2], 0.0, 0.01),
            Check("order of convergence", order, 2.0, 0.1, at_least=True),
        ),
        (
            Plot(title, "cells per metre", "error of the speed", (
                Curve("second order", CELLS, ideal, reference=True),
                Curve("measured", CELLS, errors),
            ), loglog=True),
        ),
        tuple(rows),
    )  # fmt: skip


CASES = (
    Case(
        "vortex-taylor_green",
        "inviscid Taylor-Green vortices in a box up to t = 2, default CFL, 32, 64, 128 cells",
        "steady solution of Euler's equations (Taylor & Green 1937)",
        taylor_green,
        25,
    ),
    Case(
        "vortex-carried",
        "inviscid vortex carried over ten core radii, default CFL, 32, 64, 128 cells per metre",
        "Galilean invariance; the vortex of Taylor 1918 at one instant",
        carried_vortex,
        25,
    ),
)
