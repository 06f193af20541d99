"""What a scene says of its smoke: sources and physics."""

from __future__ import annotations

from dataclasses import dataclass, field

from fluidsim.smoke.combustion import Combustion
from fluidsim.solid.shapes import Shape


@dataclass(frozen=True)
class Source:
    """Keeps density (1) and temperature (K above ambient) inside `shape` at these values, in cells
    that it covers in part at that part of them.

    velocity: m/s, when given: that of the air in cells whose centre is in the shape, whatever the
    pressure around is, as in a fan's duct. roughness: relative random variation in space
    and time, which breaks the symmetry that real plumes do not have. fuel: 1, to be burnt.
    until: s, when the source stops, if ever.
    """

    shape: Shape
    density: float = 1.0
    temperature: float = 100.0
    velocity: tuple[float, ...] | None = None
    roughness: float = 0.2
    fuel: float = 0.0
    until: float | None = None

    def acts(self, time: float) -> bool:
        return self.until is None or time < self.until


@dataclass(frozen=True)
class SmokeOptions:
    """Physics of a smoke.

    weight: m/s^2 of sinking per unit of density. lift: m/s^2 of rising per K.
    vorticity: strength of the confinement, dimensionless. dissipation, cooling: 1/s.
    viscosity: dynamic, Pa s (air 1.8e-5); 0 lets the flow slip along walls.
    advection: of the velocity, "cubic" or "semi-lagrangian" (linear).
    combustion: of the fuel of sources.
    """

    weight: float = 0.1
    lift: float = 0.033
    vorticity: float = 0.2
    dissipation: float = 0.0
    cooling: float = 0.3
    advection: str = "cubic"
    viscosity: float = 0.0
    combustion: Combustion = field(default_factory=Combustion)

    def __post_init__(self) -> None:
        if not self.viscosity >= 0:
            raise ValueError(f"viscosity must not be negative, it is {self.viscosity}")
