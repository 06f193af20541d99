"""Standing waves in a tank: their loss, their period, and the level of the water."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fluidsim.scene.scene import LiquidScene
from fluidsim.solid.shapes import Shape
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot
from fluidsim.verification.fits import swing
from fluidsim.verification.worlds import frames, heights, liquid

DEPTH, GRAVITY = 0.5, 9.81
NUMBER = math.pi  # wave number of the mode, 1/m: half a wave in the tank of 1 m
PERIOD = 2 * math.pi / math.sqrt(GRAVITY * NUMBER * math.tanh(NUMBER * DEPTH))
SOURCE = "linear waves: omega^2 = g k tanh(k h) (Lamb 1932, Hydrodynamics, art. 228)"


@dataclass(frozen=True)
class Wave(Shape):
    """Water of depth DEPTH with a cosine wave of this amplitude, m."""

    amplitude: float

    def distance(self, points: Tensor) -> Tensor:
        phase = NUMBER * points[..., 0]
        above = points[..., -1] - DEPTH - self.amplitude * torch.cos(phase)
        return above / torch.sqrt(1 + (self.amplitude * NUMBER * torch.sin(phase)) ** 2)


def slosh(cells: int, amplitude: float, transfer: str, periods: int, loss: float) -> Findings:
    """A standing wave. amplitude: in cells. loss: the most that a period may cost, 0..1."""
    shape = Wave(amplitude / cells)
    tank = liquid(LiquidScene(size=(1.0, 0.75), liquid=shape, transfer=transfer), cells)
    mode = np.cos(NUMBER * (np.arange(cells) + 0.5) / cells)

    def look() -> tuple[float, float]:
        height = heights(tank)
        return 2 * float((height * mode).mean()), float(height.mean())

    times, seen = [0.0], [look()]
    for time in frames(tank, periods * PERIOD, 1 / 60):
        times.append(time)
        seen.append(look())
    modal, level = (np.array(each) for each in zip(*seen, strict=True))
    found = swing(times, modal.tolist(), PERIOD)
    last = np.array(times) > times[-1] - PERIOD
    drift = float(level[last].mean() - level[np.array(times) < PERIOD / 60].mean()) / DEPTH
    over = np.array(times) / PERIOD
    title = f"{cells} cells per metre, {amplitude:g} cells, {transfer}"
    ideal = modal[0] * np.cos(2 * np.pi * over)
    return Findings(
        (
            Check("amplitude lost per period", found.loss, 0.0, loss),
            Check("period / theory", found.period / PERIOD, 1.0, 0.01),
            Check("change of the level / depth", drift, 0.0, 1e-3),
        ),
        (
            Plot(title, "periods", "amplitude, cells", (
                Curve("inviscid", over.tolist(), (ideal * cells).tolist(), reference=True),
                Curve("measured", over.tolist(), (modal * cells).tolist()),
            )),
        ),
    )  # fmt: skip


def _case(cells: int, amplitude: float, transfer: str, periods: int, loss: float) -> Case:
    return Case(
        f"sloshing-{cells}-{amplitude:g}-{transfer}",
        f"standing wave, amplitude {amplitude:g} cells, {cells} cells per metre, "
        f"{periods} periods, {transfer}",
        SOURCE,
        functools.partial(slosh, cells, amplitude, transfer, periods, loss),
        seconds=periods * (cells / 64) ** 2 * 3,
    )


CASES = (
    *(
        _case(64, amplitude, transfer, 10, loss)
        for amplitude, loss in ((0.6, 0.08), (1.0, 0.05), (2.0, 0.03))
        for transfer in ("flip", "apic")
    ),
    *(_case(128, 3.8, transfer, 4, 0.03) for transfer in ("flip", "apic")),
)
