"""A curve cut into arcs that are nearly straight, and the point of it closest to others.

Each arc differs from its chord by no more than a known slack (h^2 / 8 max |C''|), so that the arc
with the closest point is among those whose chord is at most twice the slack farther away than the
nearest one. On these, Newton's method within a bracket finds the point.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.splines.curve import ClosedCurve, Homogeneous, projected

SLACK = 2e-4  # of the curve's extent, between an arc and its chord
ROUNDS = 14  # of halving: 16384 arcs on a span
STEPS = 50  # of Newton's method, which halves the bracket where it fails
CLOSE = 1e-8  # of an arc: a smaller step of Newton's is the last one
BLOCK = 1 << 18  # pairs of points and chords at a time
ROUNDING = 1e-5


@dataclass(frozen=True, eq=False)
class Arcs:
    """The arcs, in order around the curve.

    polynomials (m, degree + 1, 3): of (w x, w z, w), from the start of each. spans, start, end
    (m,): their spans and parameters. corners (m, 2): where they start, m; each ends where the next
    one starts. slack: m, between arcs and chords. extent: of the curve, m.
    """

    polynomials: Tensor
    spans: Tensor
    start: Tensor
    end: Tensor
    corners: Tensor
    slack: float
    extent: float

    @classmethod
    def of(cls, curve: ClosedCurve, device: torch.device) -> Arcs:
        """The arcs of a curve."""
        with torch.no_grad():
            spline = Homogeneous.of(curve, device)
            breaks = curve.knots.to(device)
            spans = (breaks.diff() > 0).nonzero().squeeze(1)
            start, end = breaks[spans], breaks[spans + 1]
            points = curve.control_points
            most = SLACK * float((points.amax(0) - points.amin(0)).norm())
            for _ in range(ROUNDS):
                bulge = _bulge(spline, spans, start, end)
                halved = bulge > most
                if not halved.any():
                    break
                order = torch.arange(len(spans), device=device)
                order = order.repeat_interleave(1 + halved.to(torch.int64))
                second = torch.cat((order.new_zeros(1, dtype=torch.bool), order.diff() == 0))
                middle, cut = ((start + end) / 2)[order], halved[order]
                start = torch.where(cut & second, middle, start[order])
                end = torch.where(cut & ~second, middle, end[order])
                spans = spans[order]
            slack = float(_bulge(spline, spans, start, end).amax())
            corners = spline.point(spans, start)
            extent = float((corners.amax(0) - corners.amin(0)).norm())
            polynomials = spline.taylor(spans, start)
            return cls(polynomials, spans, start, end, corners, slack, extent)

    def closest(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Arc (n,) and parameter (n,) of the point of the curve closest to each of `points`
        (n, 2)."""
        count = len(points)
        blocks = points.split(max(1, BLOCK // len(self.spans)))
        parts, first = [], 0
        for block in blocks:
            near, arcs, along = self._near(block)
            parts.append((near + first, arcs, along))
            first += len(block)
        near, arcs, along = (torch.cat(part) for part in zip(*parts, strict=True))
        u, distance = self._refined(points[near], arcs, along)
        least = distance.new_full((count,), torch.inf)
        least = least.scatter_reduce(0, near, distance, "amin")
        rank = torch.arange(len(near), device=near.device)
        rank = torch.where(distance == least[near], rank, len(near))
        chosen = rank.new_full((count,), len(near)).scatter_reduce(0, near, rank, "amin")
        return arcs[chosen], u[chosen]

    def winds_around(self, points: Tensor) -> Tensor:
        """Whether the polygon of the chords winds around points (n, 2): (n,) bool."""
        blocks = points.split(max(1, BLOCK // len(self.spans)))
        return torch.cat([self._winds_around(block) for block in blocks])

    def derivatives(self, arcs: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """C, C' and C'' (n, 2) at parameters u (n,) of arcs (n,), by Horner's rule."""
        rows, t = self.polynomials[arcs], (u - self.start[arcs])[:, None]
        value, first, second = (
            rows[:, -1],
            torch.zeros_like(rows[:, 0]),
            torch.zeros_like(rows[:, 0]),
        )
        for k in range(rows.shape[1] - 2, -1, -1):
            second = second * t + first
            first = first * t + value
            value = value * t + rows[:, k]
        return projected(value, first, 2 * second)

    def _near(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs (k,) of a point, by its number, and an arc that may be the closest to it; and where
        on the chord its foot is, from 0 to 1. In float32, whose rounding is small beside the slack.
        """
        middle = self.corners.mean(0)
        corners, places = (self.corners - middle).float(), (points - middle).float()
        chords = corners.roll(-1, 0) - corners
        lengths = chords.square().sum(-1).clamp(min=1e-30)
        along = (places @ (chords / lengths[:, None]).T).sub_((corners * chords).sum(-1) / lengths)
        along = along.clamp_(0, 1)
        away = torch.zeros_like(along)
        for axis in range(2):
            foot = along * chords[:, axis] + (corners[:, axis] - places[:, axis, None])
            away.addcmul_(foot, foot)
        away = away.sqrt_()
        reach = away.amin(1) * (1 + ROUNDING) + 2 * self.slack + ROUNDING * self.extent
        near, arcs = (away <= reach[:, None]).nonzero().unbind(1)
        return near, arcs, along[near, arcs].to(points.dtype)

    def _refined(self, points: Tensor, arcs: Tensor, along: Tensor) -> tuple[Tensor, Tensor]:
        """Parameter and distance (k,) of the closest point of one arc to one of `points` (k, 2),
        beginning at a part of the arc."""
        low, high = self.start[arcs], self.end[arcs]
        u = low + along * (high - low)
        best = u.clone()
        least = torch.full_like(u, torch.inf)
        slopes = []
        for end in (low, high):
            point, first, _ = self.derivatives(arcs, end)
            offset = point - points
            slopes.append((offset * first).sum(-1))
            distance = offset.norm(dim=-1)
            best = torch.where(distance < least, end, best)
            least = torch.minimum(least, distance)
        active = ((slopes[0] < 0) & (slopes[1] > 0)).nonzero().squeeze(1)
        for _ in range(STEPS):
            if len(active) == 0:
                break
            at, a, b = u[active], low[active], high[active]
            point, first, second = self.derivatives(arcs[active], at)
            offset = point - points[active]
            slope = (offset * first).sum(-1)
            bend = first.square().sum(-1) + (offset * second).sum(-1)
            a, b = torch.where(slope < 0, at, a), torch.where(slope < 0, b, at)
            low[active], high[active] = a, b
            distance = offset.norm(dim=-1)
            better = distance <= least[active]
            best[active] = torch.where(better, at, best[active])
            least[active] = torch.where(better, distance, least[active])
            step = at - slope / torch.where(bend > 0, bend, torch.inf)
            u[active] = torch.where((bend > 0) & (step > a) & (step < b), step, (a + b) / 2)
            moved = (u[active] - at).abs() > CLOSE * (self.end - self.start)[arcs[active]]
            best[active] = torch.where(better & ~moved, u[active], best[active])
            active = active[moved]
        return best, least

    def _winds_around(self, points: Tensor) -> Tensor:
        """By counting the chords that a ray along x crosses, upwards and downwards."""
        (x0, z0), (x1, z1) = self.corners.unbind(1), self.corners.roll(-1, 0).unbind(1)
        x, z = points[:, :1], points[:, 1:]
        side = (x1 - x0) * (z - z0) - (x - x0) * (z1 - z0)
        up = (z0 <= z) & (z1 > z) & (side > 0)
        down = (z0 > z) & (z1 <= z) & (side < 0)
        return up.sum(1) != down.sum(1)


def _bulge(spline: Homogeneous, spans: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """A bound (m,) of the distance, m, between arcs and their chords; the curvature of an arc is
    taken at five places."""
    bends = [
        spline.derivatives(spans, start + part * (end - start))[2].norm(dim=-1)
        for part in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    return torch.stack(bends).amax(0) * (end - start).square() / 8
