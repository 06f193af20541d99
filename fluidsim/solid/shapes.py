"""Shapes as signed distances, in metres, negative inside; 2D and 3D from one source.

Points are tensors (..., dim). A shape that turns around the up axis (cylinder, torus) is in 2D
its cross section through that axis. Formulas after I. Quilez, "Distance functions".
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

Vector = tuple[float, ...]


class Shape(ABC):
    """A region of space; `a | b` unites, `a & b` intersects, `a - b` cuts b out of a."""

    @abstractmethod
    def distance(self, points: Tensor) -> Tensor:
        """Signed distance (...) of `points` (..., dim), m."""

    def __or__(self, other: Shape) -> Shape:
        return Union((self, other))

    def __and__(self, other: Shape) -> Shape:
        return Intersection((self, other))

    def __sub__(self, other: Shape) -> Shape:
        return Intersection((self, Complement(other)))

    def moved(self, offset: Vector) -> Shape:
        """The shape shifted by `offset`, m."""
        return Moved(self, offset)

    def rotated(self, angle: float, about: Vector, axis: Vector | None = None) -> Shape:
        """The shape turned by `angle` (rad) about the point `about`; 3D needs the `axis`."""
        return Rotated(self, angle, about, axis)


@dataclass(frozen=True)
class Box(Shape):
    """The box between two corners, m."""

    lower: Vector
    upper: Vector

    def __post_init__(self) -> None:
        if any(a >= b for a, b in zip(self.lower, self.upper, strict=True)):
            raise ValueError(f"a box needs lower < upper on each axis, not {self}")

    def distance(self, points: Tensor) -> Tensor:
        lower, upper = points.new_tensor(self.lower), points.new_tensor(self.upper)
        outside = (points - (lower + upper) / 2).abs() - (upper - lower) / 2
        return _from_excess(outside)


@dataclass(frozen=True)
class Sphere(Shape):
    """Ball (3D) or disc (2D)."""

    center: Vector
    radius: float

    def __post_init__(self) -> None:
        _require_positive(radius=self.radius)

    def distance(self, points: Tensor) -> Tensor:
        return (points - points.new_tensor(self.center)).norm(dim=-1) - self.radius


@dataclass(frozen=True)
class Ellipsoid(Shape):
    """Ball with a radius of its own along each axis; the distance is exact to first order."""

    center: Vector
    radii: Vector

    def __post_init__(self) -> None:
        _require_positive(radius=min(self.radii))

    def distance(self, points: Tensor) -> Tensor:
        offset = points - points.new_tensor(self.center)
        radii = points.new_tensor(self.radii)
        scaled = (offset / radii).norm(dim=-1)
        slope = (offset / radii**2).norm(dim=-1)
        least = 1e-6  # keeps the quotient of two zeros at the centre away
        return (scaled - 1) * scaled.clamp(min=least) / slope.clamp(min=least / min(self.radii))


@dataclass(frozen=True)
class Capsule(Shape):
    """All points within `radius` of a segment; with `end_radius` it tapers from start to end."""

    start: Vector
    end: Vector
    radius: float
    end_radius: float | None = None

    def __post_init__(self) -> None:
        _require_positive(radius=self.radius)

    def distance(self, points: Tensor) -> Tensor:
        start, end = points.new_tensor(self.start), points.new_tensor(self.end)
        offset, line = points - start, end - start
        along = ((offset @ line) / line.square().sum().clamp(min=1e-12)).clamp(0, 1)
        last = self.radius if self.end_radius is None else self.end_radius
        radius = self.radius + along * (last - self.radius)
        return (offset - along[..., None] * line).norm(dim=-1) - radius


@dataclass(frozen=True)
class Cylinder(Shape):
    """Upright cylinder on the point `base` (the middle of its lower end)."""

    base: Vector
    radius: float
    height: float

    def __post_init__(self) -> None:
        _require_positive(radius=self.radius, height=self.height)

    def distance(self, points: Tensor) -> Tensor:
        offset = points - points.new_tensor(self.base)
        radial = offset[..., :-1].norm(dim=-1) - self.radius
        axial = (offset[..., -1] - self.height / 2).abs() - self.height / 2
        return _from_excess(torch.stack((radial, axial), dim=-1))


@dataclass(frozen=True)
class Torus(Shape):
    """Lying ring: a tube of `tube_radius` around a circle of `ring_radius`."""

    center: Vector
    ring_radius: float
    tube_radius: float

    def __post_init__(self) -> None:
        _require_positive(ring_radius=self.ring_radius, tube_radius=self.tube_radius)

    def distance(self, points: Tensor) -> Tensor:
        offset = points - points.new_tensor(self.center)
        radial = offset[..., :-1].norm(dim=-1) - self.ring_radius
        return torch.hypot(radial, offset[..., -1]) - self.tube_radius


@dataclass(frozen=True)
class HalfSpace(Shape):
    """All points below `height` on the up axis."""

    height: float

    def distance(self, points: Tensor) -> Tensor:
        return points[..., -1] - self.height


@dataclass(frozen=True)
class Union(Shape):
    """All points of any part."""

    parts: tuple[Shape, ...]

    def distance(self, points: Tensor) -> Tensor:
        return torch.stack([part.distance(points) for part in self.parts]).amin(0)


@dataclass(frozen=True)
class SmoothUnion(Shape):
    """All points of any part, seams rounded within `blend` (m) of them (a polynomial minimum)."""

    parts: tuple[Shape, ...]
    blend: float

    def __post_init__(self) -> None:
        _require_positive(blend=self.blend)

    def distance(self, points: Tensor) -> Tensor:
        result = self.parts[0].distance(points)
        for part in self.parts[1:]:
            other = part.distance(points)
            seam = (self.blend - (result - other).abs()).clamp(min=0)
            result = torch.minimum(result, other) - seam**2 / (4 * self.blend)
        return result


@dataclass(frozen=True)
class Intersection(Shape):
    """The points common to all parts; a lower bound of the distance outside."""

    parts: tuple[Shape, ...]

    def distance(self, points: Tensor) -> Tensor:
        return torch.stack([part.distance(points) for part in self.parts]).amax(0)


@dataclass(frozen=True)
class Complement(Shape):
    """Everything but the shape."""

    shape: Shape

    def distance(self, points: Tensor) -> Tensor:
        return -self.shape.distance(points)


@dataclass(frozen=True)
class Moved(Shape):
    shape: Shape
    offset: Vector

    def distance(self, points: Tensor) -> Tensor:
        return self.shape.distance(points - points.new_tensor(self.offset))


@dataclass(frozen=True)
class Rotated(Shape):
    shape: Shape
    angle: float
    about: Vector
    axis: Vector | None

    def distance(self, points: Tensor) -> Tensor:
        turn = rotation_matrix(self.angle, self.axis, len(self.about)).to(points)
        about = points.new_tensor(self.about)
        return self.shape.distance((points - about) @ turn + about)


def rotation_matrix(angle: float, axis: Vector | None, dim: int) -> Tensor:
    """Rotation by `angle` (rad): in the plane, or about `axis` in 3D (Rodrigues), (dim, dim)."""
    cos, sin = math.cos(angle), math.sin(angle)
    if dim == 2:
        return torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)
    if axis is None:
        raise ValueError("a rotation in 3D needs an axis")
    x, y, z = torch.nn.functional.normalize(torch.tensor(axis, dtype=torch.float64), dim=0)
    cross = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    return torch.eye(3, dtype=torch.float64) + sin * cross + (1 - cos) * cross @ cross


def _from_excess(excess: Tensor) -> Tensor:
    """Distance from the signed excess over each face of a box, (..., k)."""
    return excess.clamp(min=0).norm(dim=-1) + excess.amax(-1).clamp(max=0)


def _require_positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive, not {value}")
