"""What a shape is, and how shapes combine: unions, intersections, shifts and turns.

Shapes are signed distances in metres, negative inside; points are tensors (..., dim).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from fluidsim.solid.values import settle, vector

Vector = tuple[float, ...]


class Shape(ABC):
    """A region of space.

    `a | b` is the union of two shapes, `a & b` their intersection, and `a - b` is a without b. A
    shape of one's own derives from this class and defines `distance`. Vectors may be given as lists
    or arrays, too; the numbers named in `recorded` may be tensors that require a gradient.
    """

    recorded: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        settle(self, recorded=self.recorded)

    @abstractmethod
    def distance(self, points: Tensor) -> Tensor:
        """Signed distance of points from the surface.

        Parameters
        ----------
        points : Tensor, (..., dim)
            World positions, m.

        Returns
        -------
        Tensor, (...)
            Distance, m; negative inside.
        """

    def __or__(self, other: Shape) -> Shape:
        return Union((self, other))

    def __and__(self, other: Shape) -> Shape:
        return Intersection((self, other))

    def __sub__(self, other: Shape) -> Shape:
        return Intersection((self, Complement(other)))

    def moved(self, offset: Vector) -> Shape:
        """The shape, shifted.

        Parameters
        ----------
        offset : tuple of dim floats
            The shift, m.

        Returns
        -------
        Shape
        """
        return Moved(self, offset)

    def rotated(self, angle: float, about: Vector, axis: Vector | None = None) -> Shape:
        """The shape, turned about a point.

        Parameters
        ----------
        angle : float
            The angle, rad; counter-clockwise.
        about : tuple of dim floats
            The point that stays in place, m.
        axis : tuple of 3 floats, optional
            Direction of the axis in 3D, of any length.

        Returns
        -------
        Shape

        Raises
        ------
        ValueError
            From `distance`, in 3D without an axis.
        """
        return Rotated(self, angle, about, axis)


@dataclass(frozen=True)
class Union(Shape):
    """The points that lie in any of the parts.

    Parameters
    ----------
    parts : tuple of Shape
        The parts, at least one.
    """

    parts: tuple[Shape, ...]

    def distance(self, points: Tensor) -> Tensor:
        return torch.stack([part.distance(points) for part in self.parts]).amin(0)


@dataclass(frozen=True)
class SmoothUnion(Shape):
    """The points that lie in any of the parts, with rounded seams (a polynomial minimum).

    Parameters
    ----------
    parts : tuple of Shape
        The parts, at least one.
    blend : float
        Width of the seams, m.

    Raises
    ------
    ValueError
        If `blend` is not positive.
    """

    parts: tuple[Shape, ...]
    blend: float

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(blend=self.blend)

    def distance(self, points: Tensor) -> Tensor:
        result = self.parts[0].distance(points)
        for part in self.parts[1:]:
            other = part.distance(points)
            seam = (self.blend - (result - other).abs()).clamp(min=0)
            result = torch.minimum(result, other) - seam**2 / (4 * self.blend)
        return result


@dataclass(frozen=True)
class Intersection(Shape):
    """The points that lie in all of the parts.

    Outside, `distance` is a lower bound of the true distance.

    Parameters
    ----------
    parts : tuple of Shape
        The parts, at least one.
    """

    parts: tuple[Shape, ...]

    def distance(self, points: Tensor) -> Tensor:
        return torch.stack([part.distance(points) for part in self.parts]).amax(0)


@dataclass(frozen=True)
class Complement(Shape):
    """All points outside a shape.

    Parameters
    ----------
    shape : Shape
        The shape that is left out.
    """

    shape: Shape

    def distance(self, points: Tensor) -> Tensor:
        return -self.shape.distance(points)


@dataclass(frozen=True)
class Moved(Shape):
    """A shape, shifted; see `Shape.moved`.

    Parameters
    ----------
    shape : Shape
        The shape before it is shifted.
    offset : tuple of dim floats
        The shift, m.
    """

    recorded = ("offset",)

    shape: Shape
    offset: Vector

    def distance(self, points: Tensor) -> Tensor:
        return self.shape.distance(points - vector(self.offset, points))


@dataclass(frozen=True)
class Rotated(Shape):
    """A shape, turned about a point; see `Shape.rotated`.

    Parameters
    ----------
    shape : Shape
        The shape before it is turned.
    angle : float
        The angle, rad; counter-clockwise.
    about : tuple of dim floats
        The point that stays in place, m.
    axis : tuple of 3 floats or None
        Direction of the axis in 3D; None in 2D.
    """

    recorded = ("angle",)

    shape: Shape
    angle: float
    about: Vector
    axis: Vector | None

    def distance(self, points: Tensor) -> Tensor:
        turn = rotation_matrix(self.angle, self.axis, len(self.about)).to(points)
        about = points.new_tensor(self.about)
        return self.shape.distance((points - about) @ turn + about)


def rotation_matrix(angle: float | Tensor, axis: Vector | None, dim: int) -> Tensor:
    """The matrix of a rotation, in the plane or about an axis (Rodrigues' formula).

    Parameters
    ----------
    angle : float or Tensor
        The angle, rad; counter-clockwise.
    axis : tuple of 3 floats or None
        Direction of the axis in 3D, of any length; not used in 2D.
    dim : int
        2 or 3.

    Returns
    -------
    Tensor, (dim, dim) float64

    Raises
    ------
    ValueError
        In 3D without an axis.
    """
    if isinstance(angle, Tensor):
        cos, sin = angle.double().cos(), angle.double().sin()
    else:
        cos, sin = math.cos(angle), math.sin(angle)
    if dim == 2:
        quarter = torch.tensor([[0, -1], [1, 0]], dtype=torch.float64)
        return cos * torch.eye(2, dtype=torch.float64) + sin * quarter
    if axis is None:
        raise ValueError("a rotation in 3D needs an axis")
    x, y, z = torch.nn.functional.normalize(torch.tensor(axis, dtype=torch.float64), dim=0)
    cross = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    return torch.eye(3, dtype=torch.float64) + sin * cross + (1 - cos) * cross @ cross


def require_positive(**values: float) -> None:
    """Raises ValueError, which names the value, for one that is not positive."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive, not {value}")
