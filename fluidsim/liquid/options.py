"""The physics of a liquid."""

from __future__ import annotations

from dataclasses import dataclass

from fluidsim.solid.shapes import Vector
from fluidsim.solid.values import refuse_gradients


@dataclass(frozen=True)
class LiquidOptions:
    """Physics of a liquid.

    gravity: m/s^2, downwards or as a vector. flip: share of FLIP in the PIC/FLIP blend; None for
    APIC. viscosity: dynamic, Pa s; 0 lets the flow slip along walls. surface_tension: N/m.
    narrow_band: cells from the surface within which there are particles; 0: all over the liquid.
    """

    gravity: float | Vector = 9.81
    flip: float | None = 0.99
    viscosity: float = 0.0
    surface_tension: float = 0.0
    narrow_band: int = 0

    def __post_init__(self) -> None:
        refuse_gradients(self, ("gravity", "viscosity", "surface_tension"))
