"""Fuel that burns to heat, smoke and gas where it is hot enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.solid.values import refuse_gradients


@dataclass(frozen=True)
class Combustion:
    """How fuel burns to heat, smoke and gas.

    After Feldman, O'Brien & Arikan 2003, "Animating suspended particle explosions", section 4, with
    a field of fuel in place of particles.

    Parameters
    ----------
    ignition : float
        Temperature above which fuel burns, K above ambient.
    rate : float
        Share of the fuel that burns in a second, 1/s.
    heat : float
        Rise of the temperature by one unit of fuel, K.
    smoke : float
        Density of smoke that one unit of fuel becomes.
    expansion : float
        Volumes of gas that one unit of fuel becomes.

    Raises
    ------
    ValueError
        If rate, smoke or expansion is negative, or a tensor requires a gradient.
    """

    ignition: float = 80.0
    rate: float = 4.0
    heat: float = 1500.0
    smoke: float = 1.0
    expansion: float = 2.0

    def __post_init__(self) -> None:
        refuse_gradients(self, ())
        for name in ("rate", "smoke", "expansion"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} of a combustion must not be negative")

    def burn(self, scalars: Tensor, dt: float, grid: Grid) -> Tensor:
        """Burn fuel for a while, in place.

        Parameters
        ----------
        scalars : Tensor
            Density, temperature and fuel, (3, *nodes).
        dt : float
            Time, s.
        grid : Grid
            The grid of the scalars.

        Returns
        -------
        Tensor
            Divergence that the new gas makes, (*shape), 1/s.
        """
        density, temperature, fuel = (grid.cells(scalars[number]) for number in range(3))
        burnt = fuel * ((temperature > self.ignition) * -math.expm1(-self.rate * dt))
        fuel.sub_(burnt)
        temperature.add_(burnt, alpha=self.heat)
        density.add_(burnt, alpha=self.smoke)
        return burnt * (self.expansion / dt)
