"""Flow in a box under a lid that slides, at a Reynolds number of 100."""

from __future__ import annotations

import functools

import numpy as np
from scipy.interpolate import CubicSpline

from fluidsim.boundary import Wall
from fluidsim.motion import Moving
from fluidsim.scene import SmokeScene
from fluidsim.shapes import Box
from fluidsim.smoke import SmokeOptions
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot
from fluidsim.verification.worlds import frames, smoke

DENSITY, SPEED, REYNOLDS = 1.2, 1.0, 100.0
SECONDS = 12.0
SOURCE = "Ghia, Ghia & Shin 1982, J. Comput. Phys. 48, tables I and II"
# Height and u on the upright middle line; place and v on the level one.
UPRIGHT = (
    (0.0547, -0.03717), (0.0625, -0.04192), (0.0703, -0.04775), (0.1016, -0.06434),
    (0.1719, -0.10150), (0.2813, -0.15662), (0.4531, -0.21090), (0.5, -0.20581),
    (0.6172, -0.13641), (0.7344, 0.00332), (0.8516, 0.23151), (0.9531, 0.68717),
    (0.9609, 0.73722), (0.9688, 0.78871), (0.9766, 0.84123),
)  # fmt: skip
LEVEL = (
    (0.0625, 0.09233), (0.0703, 0.10091), (0.0781, 0.10890), (0.0938, 0.12317),
    (0.1563, 0.16077), (0.2266, 0.17507), (0.2344, 0.17527), (0.5, 0.05454),
    (0.8047, -0.24533), (0.8594, -0.22445), (0.9063, -0.16914), (0.9453, -0.10313),
    (0.9531, -0.08864), (0.9609, -0.07391), (0.9688, -0.05906),
)  # fmt: skip


def cavity(cells: int, lid: str) -> Findings:
    """lid: "solid", a slab that slides along under the ceiling; "wall", the ceiling itself."""
    viscous = SmokeOptions(
        weight=0.0, lift=0.0, vorticity=0.0, cooling=0.0, viscosity=DENSITY * SPEED / REYNOLDS
    )
    if lid == "solid":
        slab = Moving(Box((-20.0, 1.0), (21.0, 2.0)), (0.0, 1.0), velocity=(SPEED, 0.0))
        scene = SmokeScene(
            size=(1.0, 1 + 4 / cells), solids=[slab], physics=viscous, density=DENSITY
        )
        room = smoke(scene, cells + 4, rtol=1e-6)
    else:
        scene = SmokeScene(
            size=(1.0, 1.0), physics=viscous, density=DENSITY,
            walls={"z+": Wall(velocity=(SPEED, 0.0), slip=False)},
        )  # fmt: skip
        room = smoke(scene, cells, rtol=1e-6)
    for _ in frames(room, SECONDS, 1 / 16):
        pass
    middle = cells // 2
    centres = (np.arange(cells) + 0.5) / cells
    u = room.grid.faces(room.velocity, 0)[middle, :cells].numpy()
    v = room.grid.faces(room.velocity, 1)[:, middle].numpy()
    errors, plots = [], []
    for profile, ends, known, names in (
        (u, (0.0, SPEED), UPRIGHT, ("height, m", "u, m/s")),
        (v, (0.0, 0.0), LEVEL, ("place, m", "v, m/s")),
    ):
        x = np.array([0.0, *centres, 1.0])
        y = np.array([ends[0], *profile, ends[1]])
        places, values = (list(each) for each in zip(*known, strict=True))
        errors.append(float(np.abs(CubicSpline(x, y)(places) - values).max()) / SPEED)
        curves = (
            Curve("Ghia et al.", places, values, True),
            Curve("measured", x.tolist(), y.tolist()),
        )
        plots.append(Plot(f"lid: {lid}", *names, curves))
    return Findings(
        (
            Check("worst error of u / lid", errors[0], 0.0, 0.005),
            Check("worst error of v / lid", errors[1], 0.0, 0.005),
        ),
        tuple(plots),
    )


CASES = tuple(
    Case(
        f"cavity-{lid}",
        f"lid-driven cavity at Re 100, 64^2 cells, the lid is a {lid}",
        SOURCE,
        functools.partial(cavity, 64, lid),
        seconds,
    )
    for lid, seconds in (("solid", 30), ("wall", 20))
)
