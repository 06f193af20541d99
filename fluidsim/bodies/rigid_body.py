"""What a scene says of a rigid body that floats, sinks or is washed away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from fluidsim.solid.shapes import Shape, Vector, require_positive
from fluidsim.solid.values import settle


@dataclass(frozen=True)
class RigidBody:
    """A solid with a density: the liquid moves it, and it moves the liquid.

    Parameters
    ----------
    shape : Shape
        The body at time 0, wholly inside the domain.
    density : float or callable
        kg/m^3 (water has 1000): one number, or a function of points (..., dim), m, that returns
        (...), such as for a keel of lead. It says where the centre of mass is.
    velocity : tuple of dim floats, optional
        Velocity of the centre of mass at time 0, m/s; at rest by default.
    angular_velocity : float or tuple of 3 floats, optional
        At time 0, rad/s: in 2D a number, counter-clockwise, in 3D a vector along the axis.
    restitution : float
        What remains of the speed at which the body hits a wall, 0 to 1.
    friction : float
        Coefficient of Coulomb friction against walls, solids and other bodies.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    shape: Shape
    density: float | Callable[[Tensor], Tensor]
    velocity: Vector | None = None
    angular_velocity: float | Vector | None = None
    restitution: float = 0.2
    friction: float = 0.3

    def __post_init__(self) -> None:
        settle(self)
        if not callable(self.density):
            require_positive(density=self.density)
        if not 0 <= self.restitution <= 1:
            raise ValueError(f"restitution must lie between 0 and 1, not {self.restitution}")
        if not self.friction >= 0:
            raise ValueError(f"friction must not be negative, it is {self.friction}")
