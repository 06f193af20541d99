"""Ready-made force fields: accelerations as functions of points and time, and sums of them.

A field without curl, such as an attractor or the same wind everywhere, is balanced by pressure
where fluid fills a closed room: it moves liquids with a surface, and smoke only where it ends.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from fluidsim.solid.shape_algebra import Shape, Vector, require_positive

_MODES = 16  # waves of noise
_SPREAD = 1.5  # of their lengths and periods


class ForceField(ABC):
    """An acceleration, m/s^2, as a `body_force` of a scene; fields are added with ``+``."""

    @abstractmethod
    def __call__(self, points: Tensor, time: float) -> Tensor:
        """The acceleration, m/s^2, at points (..., dim), m, and at a time, s."""

    def __add__(self, other: ForceField) -> ForceField:
        return Sum((self, other))


@dataclass(frozen=True)
class Sum(ForceField):
    """Several force fields together.

    Parameters
    ----------
    fields : tuple of ForceField
        What is added.
    """

    fields: tuple[ForceField, ...]

    def __call__(self, points: Tensor, time: float) -> Tensor:
        return sum((field(points, time) for field in self.fields), torch.zeros_like(points))


@dataclass(frozen=True)
class Wind(ForceField):
    """The same acceleration everywhere, or within a shape, steady or in gusts.

    Parameters
    ----------
    acceleration : tuple of dim floats
        Its mean, m/s^2.
    within : Shape, optional
        Where it blows; everywhere without it.
    gusts : float
        Share of the mean by which it grows and wanes.
    period : float
        Time from gust to gust, s.

    Raises
    ------
    ValueError
        If the period is not positive.
    """

    acceleration: Vector
    within: Shape | None = None
    gusts: float = 0.0
    period: float = 1.0

    def __post_init__(self) -> None:
        require_positive(period=self.period)

    def __call__(self, points: Tensor, time: float) -> Tensor:
        strength = 1 + self.gusts * math.sin(2 * math.pi * time / self.period)
        result = (points.new_tensor(self.acceleration) * strength).expand(points.shape)
        if self.within is None:
            return result
        return result * (self.within.distance(points) < 0)[..., None]


@dataclass(frozen=True)
class Vortex(ForceField):
    """An acceleration around an axis: none on it, the strongest at a radius, none far away.

    Parameters
    ----------
    centre : tuple of dim floats
        A point of the axis, m.
    strength : float
        Acceleration at the radius, m/s^2; anticlockwise in 2D and seen from the axis's tip in 3D.
    radius : float
        Where it is strongest, m.
    axis : tuple of 3 floats
        Direction of the axis in 3D, of any length. In 2D the axis is normal to the plane.

    Raises
    ------
    ValueError
        If the radius is not positive or the axis has no length.
    """

    centre: Vector
    strength: float
    radius: float
    axis: Vector = (0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        require_positive(radius=self.radius, length=math.hypot(*self.axis))

    def __call__(self, points: Tensor, time: float) -> Tensor:
        away = points - points.new_tensor(self.centre)
        if points.shape[-1] == 2:
            around = torch.stack([-away[..., 1], away[..., 0]], dim=-1)
        else:
            axis = points.new_tensor(self.axis) / math.hypot(*self.axis)
            around = torch.linalg.cross(axis.expand(away.shape), away)
        return self.strength * _bell(around, self.radius)


@dataclass(frozen=True)
class Attractor(ForceField):
    """An acceleration towards a point: none at it, the strongest at a radius, none far away.

    Parameters
    ----------
    centre : tuple of dim floats
        The point, m.
    strength : float
        Acceleration at the radius, m/s^2; negative to push away.
    radius : float
        Where it is strongest, m.

    Raises
    ------
    ValueError
        If the radius is not positive.
    """

    centre: Vector
    strength: float
    radius: float

    def __post_init__(self) -> None:
        require_positive(radius=self.radius)

    def __call__(self, points: Tensor, time: float) -> Tensor:
        return self.strength * _bell(points.new_tensor(self.centre) - points, self.radius)


@dataclass(frozen=True)
class Noise(ForceField):
    """Turbulence: an acceleration without divergence that changes with place and time.

    A sum of waves across their direction (Kraichnan 1970, "Diffusion by a random velocity field"),
    which is curl noise in closed form; the same seed gives the same field.

    Parameters
    ----------
    strength : float
        Root of the mean square acceleration, m/s^2.
    size : float
        Length of a typical wave, m.
    period : float
        Time in which it changes, s.
    seed : int
        Of the random numbers.

    Raises
    ------
    ValueError
        If size or period is not positive.
    """

    strength: float
    size: float
    period: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(size=self.size, period=self.period)

    def __call__(self, points: Tensor, time: float) -> Tensor:
        result = torch.zeros_like(points)
        for wave, direction, speed, phase in _modes(points.shape[-1], self.seed):
            turn = 2 * math.pi * (speed * time / self.period + phase)
            along = points @ points.new_tensor(wave) * (2 * math.pi / self.size)
            result += torch.cos(along + turn)[..., None] * points.new_tensor(direction)
        return result * (self.strength * math.sqrt(2 / _MODES))


def _bell(away: Tensor, radius: float) -> Tensor:
    """Vectors whose length is 1 at the radius and falls to 0 on both sides of it."""
    scaled = away / radius
    return scaled * torch.exp((1 - scaled.square().sum(-1, keepdim=True)) / 2)


@lru_cache
def _modes(dim: int, seed: int) -> list[tuple[list[float], list[float], float, float]]:
    """Waves of length and period about 1: wave vector, direction across it, frequency, phase."""
    numbers = torch.Generator().manual_seed(seed)
    waves = _unit(torch.randn(_MODES, dim, generator=numbers, dtype=torch.float64))
    across = torch.randn(_MODES, dim, generator=numbers, dtype=torch.float64)
    across = _unit(across - (across * waves).sum(-1, keepdim=True) * waves)
    spread = torch.rand(2, _MODES, generator=numbers, dtype=torch.float64) * 2 - 1
    lengths, speeds = _SPREAD**spread
    signs = torch.randint(2, (_MODES,), generator=numbers) * 2 - 1
    phases = torch.rand(_MODES, generator=numbers, dtype=torch.float64)
    columns = (waves / lengths[:, None], across, speeds * signs, phases)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True)
