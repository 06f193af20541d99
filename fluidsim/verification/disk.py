"""The level set alone, advected by a given flow: a slotted disk turns once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.liquid.levelset import LevelSet
from fluidsim.solid.shapes import Box, Shape, Sphere
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot
from fluidsim.verification.worlds import CPU, machine

CELLS, STEPS = 100, 314  # STEPS per turn: at most 1 cell each where the disk is
CENTER, RADIUS = (0.5, 0.75), 0.15
SLOT = Box((0.475, 0.0), (0.525, 0.85))


@dataclass(frozen=True)
class Slotted(Shape):
    """The disk without its slot."""

    def distance(self, points: Tensor) -> Tensor:
        return (Sphere(CENTER, RADIUS) - SLOT).distance(points)


def zalesak() -> Findings:
    machine()
    grid = Grid((CELLS,) * 2, 1 / CELLS)
    surface = LevelSet.of(Slotted(), grid, CPU)
    first = grid.cells(surface.distance).clone()
    flow = grid.zeros(CPU, 2)
    for axis in (0, 1):
        arm = grid.face_positions(axis, CPU)[..., 1 - axis] - 0.5
        flow[axis] = 2 * math.pi * (-arm if axis == 0 else arm)
    pairs = torch.stack([flow, torch.zeros_like(flow)], -1).reshape(-1)
    for _ in range(STEPS):
        surface.carry(pairs, 1 / STEPS)
    last = grid.cells(surface.distance)
    before, after = ((0.5 - part).clamp(0, 1).double() for part in (first, last))
    moved = float((after - before).abs().sum() / before.sum())
    lines = [_outline(part.numpy()) for part in (first, last)]
    return Findings(
        (
            Check("area / initial area", float(after.sum() / before.sum()), 1.0, 0.02),
            Check("misplaced area / area", moved, 0.0, 0.05),
        ),
        (
            Plot("Zalesak's disk", "x, cells", "y, cells", (
                Curve("before", *lines[0], reference=True),
                Curve("after a turn", *lines[1]),
            )),
        ),
    )  # fmt: skip


def _outline(distance: np.ndarray) -> tuple[list[float], list[float]]:
    """The zero contour, x and y in cells."""
    import contourpy

    lines = contourpy.contour_generator(z=distance.T).lines(0.0)
    x, y = np.asarray(max(lines, key=len)).T
    return x.tolist(), y.tolist()


CASES = (
    Case(
        "disk-zalesak", "slotted disk, R = 15 cells, after one rotation in a given flow",
        "Zalesak 1979, J. Comput. Phys. 31", zalesak, 5,
    ),
)  # fmt: skip
