"""The solids of a scene on the grid: voxelised boundaries, static and rigidly moving."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fluidsim.grid import Grid
from fluidsim.motion import Moving
from fluidsim.shapes import Shape, Union

SIDES = ("x-", "x+", "y-", "y+", "z-", "z+")
FAR = 1e3  # m: distance reported where there is no solid


def side_name(axis: int, upper: bool, dim: int) -> str:
    """Name of a side of the domain; the last axis is always z."""
    letter = "xz"[axis] if dim == 2 else "xyz"[axis]
    return letter + ("+" if upper else "-")


class Solids:
    """Where solids are and how they move, at the time of the last `update`.

    distance  (*nodes) float32, m: signed distance at the nodes, negative inside
    solid     (*nodes) int8: 1 in cells whose centre is inside a solid
    fixed     (dim, *nodes) bool: faces of a wall or between a solid cell and another one, whose
              normal velocity is prescribed (free slip)
    velocity  (dim, *nodes) float32, m/s: that velocity, 0 elsewhere
    """

    def __init__(
        self,
        grid: Grid,
        shapes: Sequence[Shape | Moving],
        open_sides: Sequence[str],
        device: torch.device,
    ):
        for side in open_sides:
            if side not in SIDES:
                raise ValueError(f"no side {side!r}; the sides are {', '.join(SIDES)}")
        self.grid = grid
        self.device = device
        self.open_sides = frozenset(open_sides)
        static = tuple(shape for shape in shapes if isinstance(shape, Shape))
        self.static = Union(static) if static else None
        self.moving = tuple(shape for shape in shapes if isinstance(shape, Moving))
        self._node_points = grid.node_positions(device)
        self._cell_points = grid.cell_positions(device)
        self._static_distance = self._sample_static(self._node_points)
        self._static_solid = self._sample_static(self._cell_points) < 0
        self.top_speed = 0.0
        self.update(0.0)

    def update(self, time: float) -> None:
        """Move the solids to where they are at `time`, s."""
        self.distance = self._static_distance.clone()
        solid = self._static_solid.clone()
        self.velocity = self.grid.zeros(self.device, self.grid.dim)
        for body in self.moving:
            torch.minimum(self.distance, body.distance(self._node_points, time), out=self.distance)
            inside = body.distance(self._cell_points, time) < 0
            solid |= inside
            self._add_velocity(body, inside, time)
        self.solid = solid.to(torch.int8)
        self.fixed = self._fixed_faces(solid)
        self.top_speed = float(self.velocity.abs().amax()) if self.moving else 0.0

    def is_open(self, axis: int, upper: bool) -> bool:
        return side_name(axis, upper, self.grid.dim) in self.open_sides

    def enforce(self, velocity: Tensor, closed: Tensor) -> None:
        """Give the `closed` faces (dim, *nodes) the velocity of their wall or solid."""
        torch.where(closed, self.velocity, velocity, out=velocity)

    def distance_at(self, points: Tensor, time: float) -> Tensor:
        """Signed distance (...) of all solids at world `points` (..., dim), m."""
        parts = [body.distance(points, time) for body in self.moving]
        if self.static is not None:
            parts.append(self.static.distance(points))
        if not parts:
            return points.new_full(points.shape[:-1], FAR)
        return torch.stack(parts).amin(0)

    def _sample_static(self, points: Tensor) -> Tensor:
        if self.static is None:
            return points.new_full(points.shape[:-1], FAR)
        return self.static.distance(points).contiguous()

    def _fixed_faces(self, solid: Tensor) -> Tensor:
        """Faces of solids and of closed sides; stored points beyond the grid too."""
        grid = self.grid
        fixed = torch.ones((grid.dim, *grid.nodes), dtype=torch.bool, device=self.device)
        cells = grid.cells(solid)
        for axis, n in enumerate(grid.shape):
            faces = grid.faces(fixed, axis)
            torch.logical_xor(
                cells.narrow(axis, 0, n - 1),
                cells.narrow(axis, 1, n - 1),
                out=faces.narrow(axis, 1, n - 1),
            )
            for upper in (False, True):
                if self.is_open(axis, upper):
                    index = n if upper else 0
                    faces.select(axis, index).copy_(cells.select(axis, n - 1 if upper else 0))
        return fixed

    def _add_velocity(self, body: Moving, inside: Tensor, time: float) -> None:
        """The body's velocity on every face beside one of its cells."""
        cells = self.grid.cells(inside)
        for axis, n in enumerate(self.grid.shape):
            beside = torch.zeros_like(self.grid.faces(self.velocity, axis), dtype=torch.bool)
            beside.narrow(axis, 0, n).logical_or_(cells)
            beside.narrow(axis, 1, n).logical_or_(cells)
            faces = self.grid.faces(self.velocity, axis)
            offset = tuple(0.0 if k == axis else 0.5 for k in range(self.grid.dim))
            points = (beside.nonzero() + torch.tensor(offset, device=self.device)) * self.grid.dx
            faces[beside] = body.velocity_at(points, time)[:, axis]
