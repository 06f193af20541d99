"""Shapes as signed distances, in metres, negative inside; 2D and 3D from one source.

Points are tensors (..., dim). A shape that is round about the up axis (cylinder, torus) is in 2D
its cross section through that axis. Formulas after I. Quilez, "Distance functions".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.solid.shape_algebra import (
    Complement,
    Intersection,
    Moved,
    Rotated,
    Shape,
    SmoothUnion,
    Union,
    Vector,
    require_positive,
    rotation_matrix,
)
from fluidsim.solid.values import vector

__all__ = [
    "Box",
    "Capsule",
    "Complement",
    "Cylinder",
    "Ellipsoid",
    "HalfSpace",
    "Intersection",
    "Moved",
    "Rotated",
    "Shape",
    "SmoothUnion",
    "Sphere",
    "Torus",
    "Union",
    "Vector",
    "rotation_matrix",
]


@dataclass(frozen=True)
class Box(Shape):
    """A box with sides along the axes.

    Parameters
    ----------
    lower, upper : tuple of dim floats
        Its lowest and highest corners, m.

    Raises
    ------
    ValueError
        If `lower` is not below `upper` on every axis.
    """

    recorded = ("lower", "upper")

    lower: Vector
    upper: Vector

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(a >= b for a, b in zip(self.lower, self.upper, strict=True)):
            raise ValueError(f"a box needs lower < upper on each axis, not {self}")

    def distance(self, points: Tensor) -> Tensor:
        lower, upper = vector(self.lower, points), vector(self.upper, points)
        outside = (points - (lower + upper) / 2).abs() - (upper - lower) / 2
        return from_excess(outside)


@dataclass(frozen=True)
class Sphere(Shape):
    """A ball in 3D, a disc in 2D.

    Parameters
    ----------
    center : tuple of dim floats
        Its centre, m.
    radius : float
        Its radius, m.

    Raises
    ------
    ValueError
        If the radius is not positive.
    """

    recorded = ("center", "radius")

    center: Vector
    radius: float

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(radius=self.radius)

    def distance(self, points: Tensor) -> Tensor:
        return (points - vector(self.center, points)).norm(dim=-1) - self.radius


@dataclass(frozen=True)
class Ellipsoid(Shape):
    """A ball with a different radius along each axis; its distance is exact to first order.

    Parameters
    ----------
    center : tuple of dim floats
        Its centre, m.
    radii : tuple of dim floats
        Its radius along each axis, m.

    Raises
    ------
    ValueError
        If a radius is not positive.
    """

    recorded = ("center", "radii")

    center: Vector
    radii: Vector

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(radius=min(self.radii))

    def distance(self, points: Tensor) -> Tensor:
        offset = points - vector(self.center, points)
        radii = vector(self.radii, points)
        scaled = (offset / radii).norm(dim=-1)
        slope = (offset / radii**2).norm(dim=-1)
        least = 1e-6  # keeps the quotient of two zeros at the centre away
        return (scaled - 1) * scaled.clamp(min=least) / slope.clamp(min=least / min(self.radii))


@dataclass(frozen=True)
class Capsule(Shape):
    """The points within a distance of a segment: a rod with round ends, which may taper.

    Parameters
    ----------
    start, end : tuple of dim floats
        The ends of the segment, m.
    radius : float
        The distance, m.
    end_radius : float, optional
        The distance at `end`, m; `radius` by default.

    Raises
    ------
    ValueError
        If `radius` is not positive.
    """

    recorded = ("start", "end", "radius", "end_radius")

    start: Vector
    end: Vector
    radius: float
    end_radius: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(radius=self.radius)

    def distance(self, points: Tensor) -> Tensor:
        start, end = vector(self.start, points), vector(self.end, points)
        offset, line = points - start, end - start
        along = ((offset @ line) / line.square().sum().clamp(min=1e-12)).clamp(0, 1)
        last = self.radius if self.end_radius is None else self.end_radius
        radius = self.radius + along * (last - self.radius)
        return (offset - along[..., None] * line).norm(dim=-1) - radius


@dataclass(frozen=True)
class Cylinder(Shape):
    """An upright cylinder; in 2D a rectangle.

    Parameters
    ----------
    base : tuple of dim floats
        The centre of its lower end, m.
    radius : float
        Its radius, m.
    height : float
        Its height, m.

    Raises
    ------
    ValueError
        If the radius or the height is not positive.
    """

    recorded = ("base", "radius", "height")

    base: Vector
    radius: float
    height: float

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(radius=self.radius, height=self.height)

    def distance(self, points: Tensor) -> Tensor:
        offset = points - vector(self.base, points)
        radial = offset[..., :-1].norm(dim=-1) - self.radius
        axial = (offset[..., -1] - self.height / 2).abs() - self.height / 2
        return from_excess(torch.stack((radial, axial), dim=-1))


@dataclass(frozen=True)
class Torus(Shape):
    """A ring that lies flat; in 2D two discs.

    Parameters
    ----------
    center : tuple of dim floats
        Its centre, m.
    ring_radius : float
        Radius of the circle in the middle of the tube, m.
    tube_radius : float
        Radius of the tube, m.

    Raises
    ------
    ValueError
        If a radius is not positive.
    """

    recorded = ("center", "ring_radius", "tube_radius")

    center: Vector
    ring_radius: float
    tube_radius: float

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(ring_radius=self.ring_radius, tube_radius=self.tube_radius)

    def distance(self, points: Tensor) -> Tensor:
        offset = points - vector(self.center, points)
        radial = offset[..., :-1].norm(dim=-1) - self.ring_radius
        return torch.hypot(radial, offset[..., -1]) - self.tube_radius


@dataclass(frozen=True)
class HalfSpace(Shape):
    """All points below a height.

    Parameters
    ----------
    height : float
        The height on the up axis (the last one), m.
    """

    recorded = ("height",)

    height: float

    def distance(self, points: Tensor) -> Tensor:
        return points[..., -1] - self.height


def from_excess(excess: Tensor) -> Tensor:
    """Distance from the signed excess over each face of a box, (..., k)."""
    return excess.clamp(min=0).norm(dim=-1) + excess.amax(-1).clamp(max=0)
