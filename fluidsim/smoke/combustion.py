"""Fuel that burns to heat, smoke and gas where it is hot enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from fluidsim.grid.grid import Grid


@dataclass(frozen=True)
class Combustion:
    """Feldman, O'Brien & Arikan 2003, "Animating suspended particle explosions", section 4, with a
    field of fuel in place of particles.

    ignition: K above ambient, from where on fuel burns. rate: 1/s, share of it that burns.
    heat: K, smoke: density, expansion: volumes of gas, each from one unit of fuel in its volume.
    """

    ignition: float = 80.0
    rate: float = 4.0
    heat: float = 1500.0
    smoke: float = 1.0
    expansion: float = 2.0

    def __post_init__(self) -> None:
        for name in ("rate", "smoke", "expansion"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} of a combustion must not be negative")

    def burn(self, scalars: Tensor, dt: float, grid: Grid) -> Tensor:
        """Burn for `dt` seconds, in place; the divergence that the new gas makes, (*shape), 1/s.

        scalars: (3, *nodes), density, temperature and fuel.
        """
        density, temperature, fuel = (grid.cells(values) for values in scalars)
        burnt = fuel * (temperature > self.ignition) * -math.expm1(-self.rate * dt)
        fuel.sub_(burnt)
        temperature.add_(burnt, alpha=self.heat)
        density.add_(burnt, alpha=self.smoke)
        return burnt.mul_(self.expansion / dt)
