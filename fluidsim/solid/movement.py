"""What a moving shape is, rigid or not: its distance and its velocity at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from fluidsim.solid.shapes import Shape

LOOKS = 8  # intervals of a step at whose ends the speed of a moving shape is sampled


class Movement(ABC):
    """A shape that moves.

    A rigid one derives from `RigidMotion`, one that changes its form from `Deformation`.
    """

    @abstractmethod
    def distance(self, points: Tensor, time: float) -> Tensor:
        """Signed distance of points from the surface of the solid.

        Parameters
        ----------
        points : Tensor, (..., dim)
            World positions, m.
        time : float
            The time, s.

        Returns
        -------
        Tensor, (...)
            Distance, m; negative inside.
        """

    @abstractmethod
    def velocity_at(self, points: Tensor, time: float) -> Tensor:
        """Velocity of the solid's material.

        Parameters
        ----------
        points : Tensor, (..., dim)
            World positions, m.
        time : float
            The time, s.

        Returns
        -------
        Tensor, (..., dim)
            Velocity, m/s.
        """

    @abstractmethod
    def top_speed(self, time: float, seconds: float, reach: float) -> float:
        """A bound of the speed of its material.

        Parameters
        ----------
        time, seconds : float
            The beginning and the length of the time that counts, s.
        reach : float
            How far the material is from the pivot of a rigid motion, m.

        Returns
        -------
        float
            Speed, m/s.
        """


class Samples(NamedTuple):
    """Points of a surface that stand for its parts: points (n, dim), m; areas (n, dim), outward
    normals times the area (in 2D the length) of the part, m^(dim-1); velocities (n, dim), m/s."""

    points: Tensor
    areas: Tensor
    velocities: Tensor


class Deformation(Movement):
    """A shape that changes its form, and perhaps its volume, as it moves."""

    @abstractmethod
    def surface(self, since: float, until: float, spacing: float, dim: int) -> Samples:
        """Its surface in the middle between two times, carried on to the second one.

        Parameters
        ----------
        since, until : float
            The times, s; where they are equal, its surface at that time.
        spacing : float
            Length of the parts, m, at most.
        dim : int
            Of the points, 2 or 3.

        Returns
        -------
        Samples
            The velocities are means between the times, so that what the parts sweep is how much
            the volume of the shape changes.
        """


@dataclass(frozen=True)
class Still(Shape):
    """What a moving shape is at one time, s."""

    movement: Movement
    time: float

    def distance(self, points: Tensor) -> Tensor:
        return self.movement.distance(points, self.time)
