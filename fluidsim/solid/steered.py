"""Solids that a program steers while the simulation runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from fluidsim.solid.motion import Pose, RigidMotion
from fluidsim.solid.shapes import Vector


@dataclass(frozen=True)
class _Leg:
    """From a time on: where the solid is then, and the rates at which it moves."""

    time: float
    start: Pose

    def pose(self, time: float) -> Pose:
        seconds, start = time - self.time, self.start
        offset = tuple(
            way + seconds * speed for way, speed in zip(start.offset, start.velocity, strict=True)
        )
        angle = start.angle + seconds * start.spin
        return Pose(offset, angle, start.velocity, start.spin)


@dataclass(frozen=True)
class Steered(RigidMotion):
    """A shape at rest until `steer` moves it, such as between two frames.

    It belongs to the scene: simulations of one scene share it, and its way is no part of their
    `state()`.

    Parameters
    ----------
    shape : Shape
        The shape at the start.
    pivot : tuple of dim floats
        The point about which it turns, m; it moves along with the shape.
    axis : tuple of 3 floats
        Direction of the axis in 3D, of any length; up by default.
    """

    axis: Vector = (0.0, 0.0, 1.0)
    _legs: list[_Leg] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def turning_axis(self) -> Vector:
        return self.axis

    def steer(self, time: float, velocity: Vector, spin: float = 0.0) -> None:
        """Move at these rates from a time on; what was steered for later times is forgotten.

        Parameters
        ----------
        time : float
            The time, s, such as that of the simulation.
        velocity : tuple of dim floats
            Velocity of the pivot, m/s.
        spin : float
            Angular velocity, rad/s; counter-clockwise.

        Raises
        ------
        ValueError
            If `velocity` does not have dim components.
        """
        if len(velocity) != len(self.pivot):
            raise ValueError(f"the velocity needs {len(self.pivot)} components")
        there = self.pose(time)
        self._legs[:] = [leg for leg in self._legs if leg.time < time]
        self._legs.append(_Leg(time, Pose(there.offset, there.angle, tuple(velocity), spin)))

    def pose(self, time: float) -> Pose:
        for leg in reversed(self._legs):
            if leg.time <= time:
                return leg.pose(time)
        rest = (0.0,) * len(self.pivot)
        return Pose(rest, 0.0, rest, 0.0)
