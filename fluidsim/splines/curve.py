"""Closed curves in the plane: rational B-splines (NURBS)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fluidsim.splines.basis import active, closed_knots, spans_of, stacked_functions
from fluidsim.splines.checks import check_degree, settled, settled_knots, settled_weights

FLAT = 1e-9  # of the extent squared: less area is none


@dataclass(frozen=True, eq=False)
class ClosedCurve:
    """A closed rational B-spline (NURBS) in the plane.

    A point is C(u) = sum_i N_i(u) w_i P_i / sum_i N_i(u) w_i (Cho et al. 2021, "Differentiable
    Spline Approximations", equation 5), where N_i are the periodic B-splines on the knots: P_i acts
    between the knots i - degree and i + 1. Arrays become float64 tensors; those that require a
    gradient get one from whatever is computed with the curve.

    Parameters
    ----------
    control_points : (n, 2)
        Their places, m. The curve closes by itself: the first one is not repeated.
    weights : (n,), optional
        Positive; the larger, the nearer the curve comes to the point. 1 by default.
    knots : (n + 1,), optional
        Of one period; evenly spaced by default. A knot that is repeated `degree` times is a corner.
    degree : int
        Of the polynomials, 1 (a polygon) to 5.

    Raises
    ------
    ValueError
        With one line, if there are too few points, one is not finite, all lie on a line or in one
        place, a weight is not positive, or the knots decrease.
    """

    control_points: Any
    weights: Any = None
    knots: Any = None
    degree: int = 3

    def __post_init__(self) -> None:
        points = settled("control points", self.control_points, (None, 2))
        check_degree(self.degree, len(points))
        weights = settled_weights(self.weights, (len(points),))
        knots = settled_knots(self.knots, len(points), self.degree)
        for name, value in (("control_points", points), ("weights", weights), ("knots", knots)):
            object.__setattr__(self, name, value)
        extent = float((points.amax(0) - points.amin(0)).detach().norm())
        spread = torch.linalg.svdvals((points - points.mean(0)).detach())
        if not float(spread[-1]) > FLAT * extent:
            raise ValueError("the control points of a spline lie on a line and enclose nothing")

    @property
    def span(self) -> tuple[float, float]:
        """Where the parameter begins and where the curve closes."""
        return float(self.knots[0].detach()), float(self.knots[-1].detach())

    def at(self, u: Tensor) -> Tensor:
        """Evaluate points, differentiably in the control points, the weights and the knots.

        Parameters
        ----------
        u : Tensor, (...)
            Parameters; they wrap around. They get no gradient.

        Returns
        -------
        Tensor, (..., 2)
            Places, m, float64.
        """
        first, last = self.span
        u = first + torch.remainder(u.detach().to(torch.float64) - first, last - first)
        spline = Homogeneous.of(self, u.device)
        return spline.point(spans_of(spline.knots, self.degree, u), u)

    def area(self, count: int = 64) -> Tensor:
        """The area inside, m^2, by Gauss's formula; positive if the curve is counter-clockwise.

        Parameters
        ----------
        count : int
            Points on each span; the error falls as count^-2.

        Returns
        -------
        Tensor, ()
            With the gradient of the curve's shape.
        """
        breaks = self.knots.detach()
        steps = torch.arange(count, dtype=torch.float64, device=breaks.device) / count
        u = (breaks[:-1, None] + breaks.diff()[:, None] * steps).reshape(-1)
        x, z = self.at(u).unbind(-1)
        return (x * z.roll(-1) - z * x.roll(-1)).sum() / 2


@dataclass(frozen=True, eq=False)
class Homogeneous:
    """A curve as a spline of (w x, w z, w). knots (n + 2 degree + 1,), rows (n + degree, 3): those
    of the curve, continued around it."""

    knots: Tensor
    degree: int
    rows: Tensor

    @classmethod
    def of(cls, curve: ClosedCurve, device: torch.device) -> Homogeneous:
        weights, degree = curve.weights.to(device)[:, None], curve.degree
        rows = torch.cat((weights * curve.control_points.to(device), weights), 1)
        return cls(closed_knots(curve.knots.to(device), degree), degree, around(rows, degree))

    def point(self, spans: Tensor, u: Tensor) -> Tensor:
        """C(u), (..., 2)."""
        (row,) = self._derived(spans, u, 0)
        return row[..., :-1] / row[..., -1:]

    def derivatives(self, spans: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """C, C' and C'', (..., 2) each."""
        return projected(*self._derived(spans, u, 2))

    def taylor(self, spans: Tensor, u: Tensor) -> Tensor:
        """The rows' polynomials in (parameter - u) on spans, (..., degree + 1, 3)."""
        terms = enumerate(self._derived(spans, u, self.degree))
        return torch.stack([row / math.factorial(order) for order, row in terms], -2)

    def _derived(self, spans: Tensor, u: Tensor, orders: int) -> tuple[Tensor, ...]:
        functions = stacked_functions(self.knots, self.degree, spans, u, orders)
        return (functions @ self.rows[active(spans, self.degree)]).unbind(-2)


def projected(row: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """C, C' and C'', (..., 2), from rows (w x, w z, w) and their derivatives (The NURBS Book,
    equation 4.8)."""
    (place, w), (slope, w1), (bend, w2) = ((r[..., :-1], r[..., -1:]) for r in (row, first, second))
    point = place / w
    speed = (slope - w1 * point) / w
    return point, speed, (bend - 2 * w1 * speed - w2 * point) / w


def around(rows: Tensor, degree: int) -> Tensor:
    """The coefficients of a closed spline, (n, ...), continued by the first `degree`."""
    return torch.cat((rows, rows[:degree]))
