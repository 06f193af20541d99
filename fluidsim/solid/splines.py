"""Solids bounded by splines, with gradients to control points, weights and knots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.solid.shapes import Shape, Vector, from_excess
from fluidsim.splines.arcs import Arcs
from fluidsim.splines.curve import ClosedCurve, Homogeneous
from fluidsim.splines.distance import Along, outward
from fluidsim.splines.patches import Patches
from fluidsim.splines.surface import ClosedSurface, Sheet

__all__ = ["ClosedCurve", "ClosedSurface", "Extruded", "Revolved", "SplineArea", "SplineSolid"]


@dataclass(frozen=True)
class SplineArea(Shape):
    """The inside of a closed curve in the plane; in 3D see `Extruded` and `Revolved`.

    The distance is exact, in float64 whatever the points are in. It can be differentiated once, by
    the points and by whatever of the curve requires a gradient. Where two places of the curve are
    equally close, the gradient is that of one of them. A curve that crosses itself encloses what it
    winds around.

    Parameters
    ----------
    curve : ClosedCurve
        The boundary, either way round.
    """

    curve: ClosedCurve

    def distance(self, points: Tensor) -> Tensor:
        if points.shape[-1] != 2:
            raise ValueError("a SplineArea is flat: put it into an Extruded or a Revolved in 3D")
        return _in_rows(points, self._distance)

    def _distance(self, places: Tensor) -> Tensor:
        with torch.no_grad():
            arcs = Arcs.of(self.curve, places.device)
            which, u = arcs.closest(places)
            foot, tangent, _ = arcs.derivatives(which, u)

            def normal(some: Tensor) -> Tensor:
                x, z = torch.nn.functional.normalize(tangent[some], dim=-1).unbind(-1)
                return torch.stack((z, -x), -1)

            away, direction = outward(places - foot, normal, arcs.extent)
            # Two slacks away from the curve the polygon winds around what the curve winds around.
            probe = foot + direction * away.clamp(min=2 * arcs.slack)[:, None]
            unit = torch.where(arcs.winds_around(probe)[:, None], -direction, direction)
        spline = Homogeneous.of(self.curve, places.device)
        return Along.apply(unit, places - spline.point(arcs.spans[which], u))


@dataclass(frozen=True)
class SplineSolid(Shape):
    """The inside of a closed surface in 3D; in 2D its cross section at y = `slice`.

    The distance, in float64 whatever the points are in, is exact where the surface is smooth; in 2D
    it is that to the surface in 3D, as that of a mesh. It can be differentiated once, as that of a
    `SplineArea`.

    Parameters
    ----------
    surface : ClosedSurface
        The boundary, either side out.
    slice : float
        Where 2D cuts it, m.
    """

    surface: ClosedSurface
    slice: float = 0.0

    def distance(self, points: Tensor) -> Tensor:
        if points.shape[-1] == 2:
            x, z = points.unbind(-1)
            points = torch.stack((x, torch.full_like(x, self.slice), z), -1)
        return _in_rows(points, self._distance)

    def _distance(self, places: Tensor) -> Tensor:
        with torch.no_grad():
            patches = Patches.of(self.surface, places.device)
            at = patches.closest(places)
            u, v = at.unbind(-1)
            spans = patches.sheet.spans(u, v)
            foot = patches.sheet.point(spans, u, v)

            def normal(some: Tensor) -> Tensor:
                return patches.normals(at[some])

            away, direction = outward(places - foot, normal, patches.extent)
            probe = foot + direction * away.clamp(min=2 * patches.slack)[:, None]
            unit = torch.where(patches.winds_around(probe)[:, None], -direction, direction)
        sheet = Sheet.of(self.surface, places.device)
        return Along.apply(unit, places - sheet.point(spans, u, v))


@dataclass(frozen=True)
class Extruded(Shape):
    """A flat shape drawn out along y; in 2D the flat shape itself.

    Parameters
    ----------
    profile : Shape
        A shape of two dimensions, x and z.
    start, end : float
        Where it begins and ends along y, m.

    Raises
    ------
    ValueError
        If it does not end after its start.
    """

    profile: Shape
    start: float
    end: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.start < self.end:
            raise ValueError(f"an extrusion must end after {self.start}, not at {self.end}")

    def distance(self, points: Tensor) -> Tensor:
        if points.shape[-1] == 2:
            return self.profile.distance(points)
        flat = self.profile.distance(points[..., ::2])
        axial = (points[..., 1] - (self.start + self.end) / 2).abs() - (self.end - self.start) / 2
        return from_excess(torch.stack((flat, axial), dim=-1))


@dataclass(frozen=True)
class Revolved(Shape):
    """A flat shape turned about an upright axis; in 2D its cross section through the axis.

    Parameters
    ----------
    profile : Shape
        A shape of two dimensions: the distance from the axis and the height above the base, m. A
        profile that reaches the axis must go on beyond it as its mirror image.
    base : tuple of dim floats
        Where the axis stands, m.
    """

    profile: Shape
    base: Vector

    def distance(self, points: Tensor) -> Tensor:
        offset = points - points.new_tensor(self.base)
        radius = offset[..., :-1].norm(dim=-1)
        return self.profile.distance(torch.stack((radius, offset[..., -1]), dim=-1))


def _in_rows(points: Tensor, distance: Callable[[Tensor], Tensor]) -> Tensor:
    """A distance (...), in the type of the points (..., dim), by a function of rows in float64.

    Points that recur, as those of a grid below an `Extruded`, are asked for once.
    """
    rows, again = points.reshape(-1, points.shape[-1]).to(torch.float64), None
    if not rows.requires_grad:
        rows, again = torch.unique(rows, dim=0, return_inverse=True)
    found = distance(rows) if len(rows) else rows.sum(-1)
    found = found if again is None else found[again]
    return found.to(points.dtype).reshape(points.shape[:-1])
