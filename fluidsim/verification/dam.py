"""Water that breaks loose: how fast its front runs, and how much of it there is when it falls."""

from __future__ import annotations

import functools
import importlib
import math

import numpy as np

from fluidsim.config import RunConfig
from fluidsim.liquid import Liquid
from fluidsim.scene import LiquidScene
from fluidsim.shapes import Box
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot
from fluidsim.verification.worlds import frames, liquid

GRAVITY = 9.81
WIDE = 0.2  # m, of a column twice as high
# T = t sqrt(2 g / a) and Z = x / a of the front, for a = 2.25 in.
EXPERIMENT = (
    (0.41, 1.11), (0.84, 1.22), (1.19, 1.44), (1.43, 1.67), (1.63, 1.89), (1.83, 2.11),
    (1.98, 2.33), (2.20, 2.56), (2.32, 2.78), (2.51, 3.00), (2.65, 3.22), (2.83, 3.44),
    (2.97, 3.67), (3.11, 3.89), (3.33, 4.11),
)  # fmt: skip
FALL_SECONDS = 1.0


def front(transfer: str) -> Findings:
    scene = LiquidScene(
        size=(1.0, 0.5), liquid=Box((-1.0, -1.0), (WIDE, 2 * WIDE)), transfer=transfer
    )
    tank = liquid(scene, 128, rtol=1e-6)
    unit = math.sqrt(WIDE / (2 * GRAVITY))
    times, places = [0.0], [1.0]
    for time in frames(tank, 3.4 * unit, 1 / 240):
        times.append(time / unit)
        places.append(_front(tank) / WIDE)
    moments, known = (np.array(each) for each in zip(*EXPERIMENT, strict=True))
    late = moments > 1.5
    lead = np.interp(moments, times, places)[late] / known[late] - 1
    return Findings(
        (Check("mean lead over the experiment, T > 1.5", float(lead.mean()), 0.12, 0.08),),
        (
            Plot(f"front, {transfer}", "t sqrt(2 g / a)", "x / a", (
                Curve("Martin & Moyce", moments.tolist(), known.tolist(), True),
                Curve("measured", times, places),
            )),
        ),
    )  # fmt: skip


def _front(tank: Liquid) -> float:
    """Where the level set ends on the floor, m."""
    assert tank.surface is not None
    row = tank.grid.cells(tank.surface.distance)[:, 0].numpy()
    last = int(np.flatnonzero(row < 0).max())
    beyond = row[min(last + 1, len(row) - 1)]
    part = row[last] / (row[last] - beyond) if beyond > 0 else 0.5
    return (last + 0.5 + float(part)) * tank.grid.dx


def falling_ball(cells: int) -> Findings:
    """The scene `ball_bowl`, by the program's own count of the volume."""
    build = importlib.import_module("scenes.ball_bowl").build
    scene = build(RunConfig(scene="ball_bowl", dim=3, resolution=cells))
    tank = liquid(scene, cells, rtol=1e-6)
    times, errors = [0.0], [0.0]
    for time in frames(tank, FALL_SECONDS, scene.frame_seconds):
        times.append(time)
        errors.append(tank.volume_error())
    return Findings(
        (Check("worst error of the volume", max(errors, key=abs), 0.0, 0.02),),
        (
            Plot(
                "ball into a bowl", "s", "error of the volume", (Curve("measured", times, errors),)
            ),
        ),
    )


CASES = (
    *(
        Case(
            f"dam-front-{transfer}", f"dam break, 26 cells wide and 51 high, {transfer}",
            "Martin & Moyce 1952, Phil. Trans. R. Soc. A 244; a column set free at once, without "
            "friction, leads it by 12 to 23 %",
            functools.partial(front, transfer), 20,
        )
        for transfer in ("flip", "apic")
    ),
    Case(
        "dam-ball_bowl", "ball of water falls into a bowl, 48 cells a metre, 1 s",
        "conservation of volume", functools.partial(falling_ball, 48), 60,
    ),
)  # fmt: skip
