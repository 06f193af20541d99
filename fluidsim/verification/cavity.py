"""Lid-driven cavity: the flow in a box under a sliding lid, at a Reynolds number of 100."""

from __future__ import annotations

import functools

import numpy as np
from scipy.interpolate import CubicSpline

from fluidsim.scene.scene import SmokeScene
from fluidsim.smoke.smoke import SmokeOptions
from fluidsim.solid.boundary import Wall
from fluidsim.solid.motion import Moving
from fluidsim.solid.shapes import Box
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot
from fluidsim.verification.worlds import frames, smoke

DENSITY, SPEED, REYNOLDS = 1.2, 1.0, 100.0
SECONDS = 12.0
SOURCE = (
    "stream function and vorticity by Newton's method, second order, extrapolated from 128^2 and "
    "256^2 cells, to 0.0001; its extremes -0.2140, 0.1796 and -0.2538 are those of Marchi, Suero & "
    "Araki 2009, J. Braz. Soc. Mech. Sci. Eng. 31, with 1024^2"
)
# At 1/16, 2/16, ... 15/16 of a side. The tables of Ghia, Ghia & Shin 1982 differ from these by up
# to 0.005 in u and 0.009 in v.
UPRIGHT = (
    -0.0420, -0.0771, -0.1098, -0.1419, -0.1727, -0.1985, -0.2130, -0.2091, -0.1821, -0.1313,
    -0.0602, 0.0279, 0.1404, 0.3105, 0.5974,
)  # fmt: skip
LEVEL = (
    0.0948, 0.1492, 0.1743, 0.1792, 0.1691, 0.1457, 0.1088, 0.0575, -0.0077, -0.0841, -0.1630,
    -0.2278, -0.2538, -0.2187, -0.1233,
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
        places = (np.arange(len(known)) + 1) / (len(known) + 1)
        errors.append(float(np.abs(CubicSpline(x, y)(places) - known).max()) / SPEED)
        curves = (
            Curve("fine grid", places.tolist(), known, True),
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
        f"lid-driven cavity at Re 100, 64^2 cells; the lid is a {lid}",
        SOURCE,
        functools.partial(cavity, 64, lid),
        seconds,
    )
    for lid, seconds in (("solid", 30), ("wall", 20))
)
