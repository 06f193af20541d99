"""Drops under surface tension alone: they oscillate as Rayleigh found, or rest if round."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from fluidsim.liquid.liquid import Liquid
from fluidsim.scene.scene import LiquidScene
from fluidsim.solid.shapes import Shape, Sphere
from fluidsim.verification.case import Case, Check, Curve, Findings, Plot, growth
from fluidsim.verification.fits import swing
from fluidsim.verification.worlds import fastest, frames, kinetic, liquid

TENSION, DENSITY, RADIUS = 1.0, 1000.0, 0.25
SIDE = 3.2 * RADIUS  # of the room around the drop, m
BULGE = 0.05
CAPILLARY = math.sqrt(TENSION / (DENSITY * RADIUS))  # speed, m/s
SOURCE = "Rayleigh 1879, Proc. R. Soc. 29: omega^2 = 6 (2D), 8 (3D) sigma / (rho R^3), mode 2"
LOOKS = 48  # samples per period


@dataclass(frozen=True)
class Bulged(Shape):
    """A ball with r = R (1 + BULGE cos 2t) in 2D, R (1 + BULGE P2(cos t)) in 3D, t from up."""

    def distance(self, points: Tensor) -> Tensor:
        arm = points - SIDE / 2
        r = arm.norm(dim=-1).clamp(min=1e-9)
        cosine = arm[..., -1] / r
        mode = 2 * cosine**2 - 1 if points.shape[-1] == 2 else (3 * cosine**2 - 1) / 2
        return r - RADIUS * (1 + BULGE * mode)


def period(dim: int) -> float:
    return 2 * math.pi / math.sqrt((6 if dim == 2 else 8) * TENSION / DENSITY / RADIUS**3)


def swinging(dim: int, cells: int, transfer: str, periods: int) -> Findings:
    """An oscillating drop. cells: across its radius."""
    drop = _drop(Bulged(), dim, cells, transfer)
    expected = period(dim)
    times, stretched, energy = [0.0], [_stretch(drop)], [0.0]
    for time in frames(drop, periods * expected, expected / LOOKS):
        times.append(time)
        stretched.append(_stretch(drop))
        energy.append(kinetic(drop))
    found = swing(times, stretched, expected)
    peaks = [max(energy[k * LOOKS : (k + 1) * LOOKS + 1]) for k in range(periods)]
    over = [time / expected for time in times]
    ideal = stretched[0] * np.cos(2 * np.pi * np.array(over))
    return Findings(
        (
            Check("growth of the energy", growth(peaks), 0.0, 0.01),
            Check("period / theory", found.period / expected, 1.0, 0.02 if cells >= 16 else 0.05),
        ),
        (
            Plot(
                f"R = {cells} cells, {dim}D, {transfer}", "periods", "stretch / first",
                (
                    Curve("Rayleigh", over, (ideal / stretched[0]).tolist(), reference=True),
                    Curve("measured", over, [value / stretched[0] for value in stretched]),
                ),
            ),
        ),
        (
            ("periods", "energy, last / first", "amplitude lost per period"),
            (str(periods), f"{peaks[-1] / peaks[0]:.3f}", f"{found.loss:.2%}"),
        ),
    )  # fmt: skip


def resting(cells: int, transfer: str, periods: int) -> Findings:
    drop = _drop(Sphere((SIDE / 2,) * 2, RADIUS), 2, cells, transfer)
    speed, misfit = 0.0, []
    for _ in frames(drop, periods * period(2), period(2) / LOOKS):
        speed = max(speed, fastest(drop))
        assert drop.pressure is not None
        inside = drop.pressure[drop.pressure != 0]
        misfit.append(float(inside.mean()) / (TENSION / RADIUS))
    return Findings(
        (
            Check("fastest particle / capillary speed", speed / CAPILLARY, 0.0, 1e-3),
            Check("pressure / (sigma / R), last", misfit[-1], 1.0, 0.01),
        )
    )


def _drop(shape: Shape, dim: int, cells: int, transfer: str) -> Liquid:
    scene = LiquidScene(
        size=(SIDE,) * dim, liquid=shape, gravity=0.0, surface_tension=TENSION, transfer=transfer
    )
    return liquid(scene, round(SIDE / RADIUS * cells))


def _stretch(drop: Liquid) -> float:
    """Mean square extent along the last axis minus that along the first, m^2."""
    arm = drop.window.metres(drop.particles.positions.double())
    arm = arm - arm.mean(0)
    return float(arm[:, -1].square().mean() - arm[:, 0].square().mean())


CASES = (
    *(
        Case(
            f"drop-{dim}d-{cells}-{transfer}",
            f"oscillating drop, R = {cells} cells in {dim}D, {periods} periods, {transfer}",
            SOURCE,
            functools.partial(swinging, dim, cells, transfer, periods),
            seconds,
        )
        for dim, cells, periods, seconds in ((2, 8, 20, 20), (2, 16, 6, 20), (2, 32, 2, 40),
                                             (3, 8, 3, 40))
        for transfer in ("flip", "apic")
    ),
    *(
        Case(
            f"drop-rest-16-{transfer}",
            f"round drop at rest, R = 16 cells in 2D, 4 periods, {transfer}",
            "Young-Laplace: p = sigma / R",
            functools.partial(resting, 16, transfer, 4),
            15,
        )
        for transfer in ("flip", "apic")
    ),
)  # fmt: skip
