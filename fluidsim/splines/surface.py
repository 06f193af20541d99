"""Closed surfaces: tensor products of rational B-splines (NURBS)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fluidsim.splines.basis import active, closed_knots, spans_of, stacked_functions
from fluidsim.splines.checks import check_degree, settled, settled_knots, settled_weights
from fluidsim.splines.curve import around

FLAT = 1e-9  # of the extent: the surface encloses nothing
APART = 1e-9  # of the extent: control points of one pole


@dataclass(frozen=True, eq=False)
class ClosedSurface:
    """A closed tensor-product surface of rational B-splines (NURBS).

    Along its first index the control points go around; along the second they go around, too (a
    ring), or from pole to pole (a ball): then the points of the first row are one, and those of the
    last. For the rest see `ClosedCurve`.

    Parameters
    ----------
    control_points : (n, m, 3)
        Their places, m.
    weights : (n, m), optional
        Positive; 1 by default.
    around_knots : (n + 1,), optional
        Knots of one period along the first index; evenly spaced by default.
    along_knots : (m + 1,) or (m + degree + 1,), optional
        Along the second index: of one period for a ring, or all of them, the first and the last
        degree + 1 times, for a ball.
    degree : int
        Of the polynomials, 1 to 5.
    ring : bool
        Whether the second index goes around.

    Raises
    ------
    ValueError
        With one line, if there are too few points, one is not finite, all lie in a plane, the poles
        are open, a weight is not positive, or the knots decrease.
    """

    control_points: Any
    weights: Any = None
    around_knots: Any = None
    along_knots: Any = None
    degree: int = 3
    ring: bool = False

    def __post_init__(self) -> None:
        points = settled("control points", self.control_points, (None, None, 3))
        for count in points.shape[:2]:
            check_degree(self.degree, count)
        held = points.detach()
        extent = float((held.amax((0, 1)) - held.amin((0, 1))).norm())
        spread = torch.linalg.svdvals((held - held.mean((0, 1))).reshape(-1, 3))
        if not float(spread[-1]) > FLAT * extent:
            raise ValueError("the control points of a surface lie in a plane and enclose nothing")
        poles = held[:, [0, -1]]
        if not self.ring and float((poles - poles[:1]).abs().max()) > APART * extent:
            raise ValueError("the first and the last row of a ball must each be one point, a pole")
        values = {
            "control_points": points,
            "weights": settled_weights(self.weights, points.shape[:2]),
            "around_knots": settled_knots(self.around_knots, points.shape[0], self.degree),
            "along_knots": settled_knots(self.along_knots, points.shape[1], self.degree, self.ring),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def at(self, u: Tensor, v: Tensor) -> Tensor:
        """Evaluate points, differentiably in the control points, the weights and the knots.

        Parameters
        ----------
        u, v : Tensor, (...)
            Parameters around and along; where the surface goes around they wrap, and else they end
            at the poles. They get no gradient.

        Returns
        -------
        Tensor, (..., 3)
            Places, m, float64.
        """
        sheet = Sheet.of(self, u.device)
        u, v = sheet.within(torch.stack((u, v), -1).detach().to(torch.float64)).unbind(-1)
        return sheet.point(sheet.spans(u, v), u, v)


@dataclass(frozen=True, eq=False)
class Sheet:
    """A surface as a spline of (w x, w y, w z, w). knots: of both directions, rows (n, m, 4): those
    of the surface, continued where it goes around. ring: as there."""

    knots: tuple[Tensor, Tensor]
    degree: int
    rows: Tensor
    ring: bool

    @classmethod
    def of(cls, surface: ClosedSurface, device: torch.device) -> Sheet:
        degree, weights = surface.degree, surface.weights.to(device)[..., None]
        rows = torch.cat((weights * surface.control_points.to(device), weights), -1)
        rows = around(rows, degree)
        across, along = surface.around_knots.to(device), surface.along_knots.to(device)
        if surface.ring:
            rows = around(rows.transpose(0, 1), degree).transpose(0, 1)
            along = closed_knots(along, degree)
        return cls((closed_knots(across, degree), along), degree, rows, surface.ring)

    def breaks(self, axis: int) -> Tensor:
        """Where the spans of a direction begin and end."""
        knots = self.knots[axis].detach()
        return knots[self.degree : len(knots) - self.degree]

    def within(self, at: Tensor) -> Tensor:
        """Parameters (..., 2), wrapped or held at the poles."""
        parts = []
        for axis, part in enumerate(at.unbind(-1)):
            first, last = self.breaks(axis)[0], self.breaks(axis)[-1]
            wraps = axis == 0 or self.ring
            wrapped = first + torch.remainder(part - first, last - first)
            parts.append(wrapped if wraps else part.clamp(first, last))
        return torch.stack(parts, -1)

    def spans(self, u: Tensor, v: Tensor) -> Tensor:
        """The spans (..., 2) of parameters."""
        both = zip(self.knots, (u, v), strict=True)
        return torch.stack([spans_of(knots, self.degree, at) for knots, at in both], -1)

    def point(self, spans: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """S(u, v), (..., 3)."""
        row = self._derived(spans, u, v, 0)[..., 0, 0, :]
        return row[..., :3] / row[..., 3:]

    def derivatives(self, u: Tensor, v: Tensor) -> dict[tuple[int, int], Tensor]:
        """S and its derivatives (..., 3) of up to second order, by their orders in u and v (The
        NURBS Book, equation 4.20)."""
        rows = self._derived(self.spans(u, v), u, v, 2)
        place, w = rows[..., :3], rows[..., 3:]
        s = {(0, 0): place[..., 0, 0, :] / w[..., 0, 0, :]}
        for k, m in ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2)):
            rest = place[..., k, m, :]
            for i, j in itertools.product(range(k + 1), range(m + 1)):
                if (i, j) != (k, m):
                    times = math.comb(k, i) * math.comb(m, j)
                    rest = rest - times * w[..., k - i, m - j, :] * s[i, j]
            s[k, m] = rest / w[..., 0, 0, :]
        return s

    def _derived(self, spans: Tensor, u: Tensor, v: Tensor, orders: int) -> Tensor:
        """Derivatives of the rows, (..., orders + 1, orders + 1, 4)."""
        at, places = [], []
        for knots, span, part in zip(self.knots, spans.unbind(-1), (u, v), strict=True):
            at.append(stacked_functions(knots, self.degree, span, part, orders))
            places.append(active(span, self.degree))
        rows = self.rows[places[0][..., :, None], places[1][..., None, :]]
        half = (at[0] @ rows.flatten(-2)).unflatten(-1, rows.shape[-2:])
        return torch.einsum("...lb,...kbc->...klc", at[1], half)
