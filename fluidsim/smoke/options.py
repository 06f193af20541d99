"""What a scene says of its smoke: sources and physics."""

from __future__ import annotations

from dataclasses import dataclass, field

from fluidsim.smoke.combustion import Combustion
from fluidsim.solid.shapes import Shape
from fluidsim.solid.values import records, refuse_gradients, settle


@dataclass(frozen=True)
class Source:
    """A region where smoke, heat, fuel and wind come from.

    It holds density, temperature and fuel inside its shape at the given values; a cell that the
    shape covers in part gets the values times that part.

    Parameters
    ----------
    shape : Shape
        The region.
    density : float
        Of the smoke, dimensionless.
    temperature : float
        K above ambient.
    velocity : tuple of float, optional
        Of the air in cells whose centre lies in the shape, m/s, whatever the pressure around, as in
        a fan's duct; by default the source imposes none.
    roughness : float
        Relative random variation in space, over 4 cells, and in time, over 0.02 s, which breaks a
        symmetry that real plumes do not have. It does not depend on the steps of a run.
    fuel : float
        Amount of fuel, dimensionless; it burns by `Combustion`.
    until : float, optional
        Time when the source stops, s; by default never.

    Raises
    ------
    ValueError
        If a number is not one (NaN), or if a tensor other than density, temperature, fuel,
        velocity or, without a velocity, a number of the shape requires a gradient.
    """

    shape: Shape
    density: float = 1.0
    temperature: float = 100.0
    velocity: tuple[float, ...] | None = None
    roughness: float = 0.2
    fuel: float = 0.0
    until: float | None = None

    def __post_init__(self) -> None:
        settle(self, recorded=("density", "temperature", "fuel", "velocity"))
        if self.velocity is not None and records(self.shape):
            raise ValueError(
                "there is no gradient for the shape of a Source with a velocity: it has whole cells"
            )

    def acts(self, time: float) -> bool:
        return self.until is None or time < self.until


@dataclass(frozen=True)
class SmokeOptions:
    """The physics of smoke.

    Parameters
    ----------
    weight : float
        Acceleration downwards per unit of density, m/s^2.
    lift : float
        Acceleration upwards per K above ambient, m/s^2/K.
    vorticity : float
        Strength of the vorticity confinement, dimensionless (Fedkiw, Stam & Jensen 2001).
    dissipation : float
        Rate at which density fades, 1/s.
    cooling : float
        Rate at which temperature fades, 1/s.
    advection : {"cubic", "semi-lagrangian"}
        Interpolation in the advection of the velocity; "semi-lagrangian" is linear.
    viscosity : float
        Dynamic viscosity, Pa s (air 1.8e-5). With 0 the flow slips along walls.
    combustion : Combustion
        How the fuel of sources burns.

    Raises
    ------
    ValueError
        If the viscosity is negative, or if a tensor other than weight or lift requires a gradient.
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
        refuse_gradients(self, ("weight", "lift"))
        if not self.viscosity >= 0:
            raise ValueError(f"viscosity must not be negative, it is {self.viscosity}")
