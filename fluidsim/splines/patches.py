"""A surface cut into triangles, and the point of it closest to others.

The closest point of the triangles (libigl) is where Newton's method begins on the surface; it goes
downhill only. Triangles and the search among them are on the CPU, wherever the points are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fluidsim.splines.surface import ClosedSurface, Sheet

SLACK = 1e-3  # of the extent, between the surface and its triangles
MOST = 256  # parts along each direction
STEPS = 40  # of Newton's method
CLOSE = 1e-8  # of a cell: a smaller step of Newton's is the last one
BLOCK = 1 << 15  # points at a time


@dataclass(frozen=True, eq=False)
class Patches:
    """sheet: the surface. vertices (k, 3) float64, m, and triangles (l, 3) int64 of numpy.
    parameters: of the vertices, (k, 2). slack: between triangles and surface, m. cell: steps of the
    parameters, (2,). extent: m."""

    sheet: Sheet
    vertices: np.ndarray
    triangles: np.ndarray
    parameters: Tensor
    slack: float
    cell: Tensor
    extent: float

    @classmethod
    def of(cls, surface: ClosedSurface, device: torch.device) -> Patches:
        """The triangles of a surface, fine enough for its bends."""
        with torch.no_grad():
            sheet = Sheet.of(surface, device)
            parts, done = 4, False
            while not done:
                lines = [_divided(sheet.breaks(axis), parts) for axis in range(2)]
                grid = torch.stack(torch.meshgrid(*lines, indexing="ij"), -1)
                places = sheet.point(sheet.spans(*grid.unbind(-1)), *grid.unbind(-1))
                extent = float((places.amax((0, 1)) - places.amin((0, 1))).norm())
                slack = float(_bulge(places))
                done = slack < SLACK * extent or 2 * max(map(len, lines)) > MOST
                parts *= 2
            cell = torch.stack([line.diff().amax() for line in lines])
            vertices = places.reshape(-1, 3).cpu().numpy()
            triangles = _triangles(vertices, places.shape[:2])
            parameters = grid.reshape(-1, 2)
            return cls(sheet, vertices, triangles, parameters, slack, cell, extent)

    def closest(self, points: Tensor) -> Tensor:
        """Parameters (n, 2) of the point of the surface closest to each of `points` (n, 3)."""
        import igl  # here: most scenes have no such surface

        places = np.ascontiguousarray(points.cpu().numpy())
        _, which, feet = igl.point_mesh_squared_distance(places, self.vertices, self.triangles)
        corners = self.triangles[np.asarray(which)]
        shares = igl.barycentric_coordinates(
            np.asarray(feet), *(np.ascontiguousarray(self.vertices[c]) for c in corners.T)
        )
        shares = torch.from_numpy(np.nan_to_num(np.asarray(shares), nan=1 / 3)).to(points.device)
        corners = torch.from_numpy(corners).to(points.device)
        start = (self.parameters[corners] * shares[..., None]).sum(1)
        blocks = zip(points.split(BLOCK), start.split(BLOCK), strict=True)
        return torch.cat([self._refined(*block) for block in blocks])

    def winds_around(self, points: Tensor) -> Tensor:
        """Whether the triangles wind around points (n, 3): (n,) bool."""
        import igl

        places = np.ascontiguousarray(points.cpu().numpy())
        turns = np.asarray(igl.fast_winding_number(self.vertices, self.triangles, places))
        return torch.from_numpy(np.abs(turns) > 0.5).to(points.device)

    def normals(self, at: Tensor) -> Tensor:
        """Unit normals (n, 3) of the surface, either way out; at a pole, of a point beside it."""
        middle = (self.sheet.breaks(1)[0] + self.sheet.breaks(1)[-1]) / 2
        u, v = at.unbind(-1)
        v = v + 1e-6 * (middle - v)
        found = self.sheet.derivatives(u, v)
        normal = torch.linalg.cross(found[1, 0], found[0, 1])
        return torch.nn.functional.normalize(normal, dim=-1, eps=1e-300)

    def _refined(self, points: Tensor, at: Tensor) -> Tensor:
        """Parameters (k, 2) of places of the surface closest to `points` (k, 3), from near them."""
        at = self.sheet.within(at)
        trust = torch.ones(len(at), dtype=at.dtype, device=at.device)
        least = torch.full_like(trust, torch.inf)
        trial = at.clone()
        active = torch.arange(len(at), device=at.device)
        step = torch.zeros_like(at)
        for _ in range(STEPS):
            if len(active) == 0:
                break
            s = self.sheet.derivatives(*trial[active].unbind(-1))
            offset = s[0, 0] - points[active]
            squared = offset.square().sum(-1)
            better = squared < least[active]
            taken = active[better]
            at[taken], least[taken] = trial[taken], squared[better]
            step[taken] = self._step({k: d[better] for k, d in s.items()}, offset[better])
            trust[active] = torch.where(better, 1.0, trust[active] / 4)
            trial[active] = self.sheet.within(at[active] + trust[active, None] * step[active])
            ahead = (trust[active, None] * step[active] / self.cell).abs().amax(-1)
            last = active[(ahead <= CLOSE) & better]
            at[last] = trial[last]
            active = active[(ahead > CLOSE) & (trust[active] > 1e-6)]
        return at

    def _step(self, s: dict[tuple[int, int], Tensor], offset: Tensor) -> Tensor:
        """A step (k, 2) downhill: Newton's where the distance is convex, else that of Gauss and
        Newton."""
        dot = {key: (offset * part).sum(-1) for key, part in s.items()}
        first = torch.stack((s[1, 0], s[0, 1]), -2) * self.cell[:, None]
        plain = first @ first.transpose(-1, -2)
        bend = torch.stack((dot[2, 0], dot[1, 1], dot[1, 1], dot[0, 2]), -1).unflatten(-1, (2, 2))
        full = plain + bend * self.cell[:, None] * self.cell
        least = 1e-12 * plain.diagonal(dim1=-1, dim2=-2).sum(-1) + 1e-300
        low = (full[..., 0, 0] + full[..., 1, 1]) / 2 - torch.hypot(
            (full[..., 0, 0] - full[..., 1, 1]) / 2, full[..., 0, 1]
        )
        matrix = torch.where((low > 1e6 * least)[:, None, None], full, plain)
        matrix = matrix + least[:, None, None] * torch.eye(2, dtype=full.dtype, device=full.device)
        slope = torch.stack((dot[1, 0], dot[0, 1]), -1) * self.cell
        step = -torch.linalg.solve(matrix, slope)
        return step / step.abs().amax(-1, keepdim=True).clamp(min=1) * self.cell


def _divided(breaks: Tensor, parts: int) -> Tensor:
    """Spans divided into parts: (k,), increasing, ends included."""
    breaks = torch.unique_consecutive(breaks)
    steps = torch.arange(parts, dtype=breaks.dtype, device=breaks.device) / parts
    inner = (breaks[:-1, None] + breaks.diff()[:, None] * steps).reshape(-1)
    return torch.cat((inner, breaks[-1:]))


def _triangles(vertices: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Two triangles (l, 3) for each cell of a grid of vertices (k, 3), but none without area."""
    numbers = np.arange(len(vertices)).reshape(shape)
    a, b = numbers[:-1, :-1].ravel(), numbers[1:, :-1].ravel()
    c, d = numbers[1:, 1:].ravel(), numbers[:-1, 1:].ravel()
    both = np.concatenate((np.stack((a, b, c), 1), np.stack((a, c, d), 1)))
    one, two, three = (vertices[corner] for corner in both.T)
    area = np.linalg.norm(np.cross(two - one, three - one), axis=1)
    return np.ascontiguousarray(both[area > 1e-12 * area.max()])


def _bulge(places: Tensor) -> Tensor:
    """About the distance, m, between a surface and the triangles of a grid of its places (k, l, 3):
    an eighth of the second differences along the lines and across the cells."""
    bends = [places.diff(n=2, dim=axis).norm(dim=-1).amax() for axis in range(2)]
    twist = places.diff(dim=0).diff(dim=1).norm(dim=-1).amax()
    return (bends[0] + bends[1]) / 8 + twist / 4
