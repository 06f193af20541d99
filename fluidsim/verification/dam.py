"""Falling water: the front of a dam break, and the volume of a ball that falls into a bowl."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Sequence

import numpy as np

from fluidsim.liquid.liquid import Liquid
from fluidsim.scene.config import RunConfig
from fluidsim.scene.scene import LiquidScene
from fluidsim.solid.shapes import Box
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot
from fluidsim.verification.worlds import frames, liquid

GRAVITY = 9.81
WIDE = 0.2  # m, the width of a column twice as high
# T = t sqrt(2 g / a) and Z = x / a of the front, for a = 2.25 in.
EXPERIMENT = (
    (0.41, 1.11), (0.84, 1.22), (1.19, 1.44), (1.43, 1.67), (1.63, 1.89), (1.83, 2.11),
    (1.98, 2.33), (2.20, 2.56), (2.32, 2.78), (2.51, 3.00), (2.65, 3.22), (2.83, 3.44),
    (2.97, 3.67), (3.11, 3.89), (3.33, 4.11),
)  # fmt: skip
# The same without friction: boundary elements on the free surface, whose nodes move with the flow,
# with floor and wall as planes of symmetry (Longuet-Higgins & Cokelet 1976, Proc. R. Soc. A 350);
# 100 nodes in steps of 0.005, within 0.1 % of 120 nodes until T = 1.25.
INVISCID = (
    (0.25, 1.053), (0.50, 1.177), (0.75, 1.346), (1.00, 1.555), (1.25, 1.796), (1.50, 2.066),
    (1.75, 2.360), (2.00, 2.675), (2.25, 3.011), (2.50, 3.364), (2.75, 3.734), (3.00, 4.117),
    (3.25, 4.514),
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
    instants, ideal = (np.array(each) for each in zip(*INVISCID, strict=True))
    late = moments[(moments > 1.5) & (moments < instants[-1])]

    def lead(x: Sequence[float], y: Sequence[float]) -> float:
        return float((np.interp(late, x, y) / np.interp(late, moments, known)).mean()) - 1

    apart = np.abs(np.interp(instants, times, places) / ideal - 1)
    return Findings(
        (
            Check("mean distance from the inviscid front", float(apart.mean()), 0.0, 0.01),
            Check(
                "mean lead over the experiment, T > 1.5", lead(times, places),
                lead(instants.tolist(), ideal.tolist()), 0.03,
            ),
        ),
        (
            Plot(f"front, {transfer}", "t sqrt(2 g / a)", "x / a", (
                Curve("Martin & Moyce", moments.tolist(), known.tolist(), True),
                Curve("inviscid", instants.tolist(), ideal.tolist()),
                Curve("measured", times, places),
            )),
        ),
    )  # fmt: skip


def _front(tank: Liquid) -> float:
    """The place of the foremost particle, m: at the floor, where the surface is upright.

    The level set is known half a cell above the floor, and the surface recedes on the way there.
    """
    return float(tank.window.metres(tank.particles.positions)[:, 0].max())


def falling_ball(cells: int) -> Findings:
    """The scene `ball_bowl`; the volume is measured by the program itself."""
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
            f"dam-front-{transfer}", f"dam break, column of 26 by 51 cells, {transfer}",
            "Martin & Moyce 1952, Phil. Trans. R. Soc. A 244; boundary elements without friction",
            functools.partial(front, transfer), 20,
        )
        for transfer in ("flip", "apic")
    ),
    Case(
        "dam-ball_bowl", "ball of water that falls into a bowl, 1 s, 48 cells per metre",
        "conservation of volume", functools.partial(falling_ball, 48), 60,
    ),
)  # fmt: skip
