"""The physics of a liquid."""

from __future__ import annotations

from dataclasses import dataclass

from fluidsim.solid.shapes import Vector

LEAST_BAND = 3  # cells: liquid moves as far in a step


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
        for name in ("viscosity", "surface_tension"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, it is {getattr(self, name)}")
        if self.flip is not None and not 0 <= self.flip <= 1:
            raise ValueError(f"flip must be between 0 and 1, not {self.flip}")
        if self.narrow_band < LEAST_BAND and self.narrow_band != 0:
            raise ValueError(
                f"narrow_band must be 0 or at least {LEAST_BAND} cells, not {self.narrow_band}"
            )
