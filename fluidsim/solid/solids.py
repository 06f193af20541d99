"""The solids of a scene on the grid, at rest and moving: open parts of faces and cells."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.grid.plain import are_recorded
from fluidsim.solid.boundary import Boundary, Inlet, Wall
from fluidsim.solid.images import images, repeated
from fluidsim.solid.motion import RigidMotion
from fluidsim.solid.movement import Deformation, Movement
from fluidsim.solid.openings import open_fractions, room, without_dead_ends
from fluidsim.solid.recorded_sides import stop_recorded
from fluidsim.solid.shapes import Shape, Union
from fluidsim.solid.slip import SlipFaces
from fluidsim.solid.swelling import swelling
from fluidsim.solid.values import records

FAR = 1e3  # m: the distance if there are no solids


class Solids:
    """Where solids are and how they move, at the time of the last `update`. Periodic axes repeat
    them.

    distance  (*nodes) float32, m: signed distance at the nodes, negative inside
    open      (dim, *nodes) float32: the part of each face outside solids and walls, 0..1
    walls     (dim, *nodes) bool: faces of closed sides, and stored points beyond the grid
    boundary  the sides of the domain
    solid     (*nodes) int8: 1 in cells without an open face
    cut       (*nodes) int8: 1 in other cells that a solid reaches into, 2 if it covers the centre
    room      (*shape) float32: the part of each cell outside solids
    velocity  (dim, *nodes) float32, m/s: of the solids, on faces near them; 0 elsewhere. On faces
              of closed sides the mean over the part that a solid covers and the rest, where it is
              the velocity of the wall or the inlet
    swelling  (*shape) float64, 1/s: what solids that deform add to the divergence of the flow,
              None if there are none
    """

    def __init__(
        self,
        grid: Grid,
        shapes: Sequence[Shape | Movement],
        open_sides: Sequence[str],
        device: torch.device,
        walls: Mapping[str, Wall] | None = None,
        inlets: Sequence[Inlet] = (),
    ):
        """Raises ValueError as `Boundary` does, and if a distance is not finite."""
        self.device = device
        self._sides = functools.partial(
            Boundary, device=device, open_sides=open_sides, walls=walls, inlets=inlets
        )
        static = tuple(shape for shape in shapes if isinstance(shape, Shape))
        self.static = repeated(Union(static), grid) if static else None
        self.moving = images([s for s in shapes if isinstance(s, Movement)], grid)
        self._deforming = [body for body in self.moving if isinstance(body, Deformation)]
        self._reaches = [0.0] * len(self.moving)
        self._samples: _Samples | None = None
        self.time = self._since = 0.0
        self.swelling: Tensor | None = None
        self.cover(grid)

    def cover(self, grid: Grid) -> None:
        """Hold the fields of another window of the domain from now on."""
        self.grid = grid
        self.boundary = self._sides(grid)
        self.walls = self.boundary.closed
        known = None if records(self.static) else self._samples
        self._samples = _Samples.of(self.static, grid, self.device, known)
        if self.moving:
            self._points = grid.node_positions(self.device), grid.cell_positions(self.device)
        self.update(self.time)

    def update(self, time: float) -> None:
        """Move the solids to a time, s. Raises ValueError if a distance is not finite."""
        assert self._samples is not None
        grid = self.grid
        if time != self.time:
            self.time, self._since = time, self.time
        _, self.distance, centres = self._samples
        self.velocity = grid.zeros(self.device, grid.dim)
        for number, body in enumerate(self.moving):
            nodes, middles = self._points
            own = body.distance(nodes, time)
            if isinstance(body, RigidMotion):
                arms = nodes[own < grid.dx] - body.pivot_at(nodes, body.pose(time))
                reach = float(arms.detach().norm(dim=-1).amax()) if len(arms) else 0.0
                self._reaches[number] = max(self._reaches[number], reach)
            self.distance = torch.minimum(self.distance, own)
            centres = torch.minimum(centres, body.distance(middles, time))
            self._add_velocity(body, own, time)
        grid.join_nodes(self.distance)
        grid.join(self.velocity)
        if not torch.isfinite(self.distance).all():
            raise ValueError(f"the distance of a solid is not finite at {time:.4g} s")
        at = functools.partial(self.distance_at, time=time)
        opened = open_fractions(self.distance, grid, at)
        self.open = without_dead_ends(opened, self.walls, grid.cells(centres) < 0, grid)
        grid.join(self.open)
        if self._deforming:
            self.swelling = swelling(
                self._deforming, self._since, time, self.open, self.velocity, self._free, grid
            )
        inside = (self.open == 0) & ~self.walls
        self._move_sides()
        self.open[self.walls] = 0.0
        self._classify(centres, at)
        self._slip = SlipFaces.of(inside, self.distance, grid)

    def state(self) -> dict[str, Tensor]:
        """What `restore` needs."""
        values = {
            "solids_time": torch.tensor(self.time, dtype=torch.float64),
            "solids_reaches": torch.tensor(self._reaches, dtype=torch.float64),
        }
        if self._deforming:
            values["solids_since"] = torch.tensor(self._since, dtype=torch.float64)
        return values

    def restore(self, state: dict[str, Tensor]) -> None:
        """Return to a `state` of the same solids. Shapes that torch records are
        sampled anew: what is recorded does not depend on what came before."""
        if records(self.static):
            self._samples = _Samples.of(self.static, self.grid, self.device, None)
        self._reaches = state["solids_reaches"].tolist()
        if self._deforming:
            self.time, self._since = float(state["solids_time"]), float(state["solids_since"])
        self.update(float(state["solids_time"]))

    @torch.no_grad()
    def top_speed_during(self, time: float, seconds: float) -> float:
        """A bound of the speed of the solids' material during `seconds` from `time`, m/s."""
        bodies = zip(self.moving, self._reaches, strict=True)
        return max((body.top_speed(time, seconds, reach) for body, reach in bodies), default=0.0)

    def is_open(self, axis: int, upper: bool) -> bool:
        return self.boundary.is_open(axis, upper)

    def enforce(self, velocity: Tensor, open_faces: Tensor) -> None:
        """Stop the flow (dim, *nodes) at walls, drive it at inlets, and make it slide inside
        solids, in place.

        open_faces: (dim, *nodes), as `open`, or with more open faces, which are left alone.
        """
        self.stop_at_walls(velocity, open_faces)
        self._slip.apply(velocity, self.velocity, open_faces)
        self.grid.join(velocity)

    def stop_at_walls(self, velocity: Tensor, open_faces: Tensor) -> None:
        """Stop the flow (dim, *nodes) at walls and drive it at inlets, in place."""
        if are_recorded(velocity):
            stop_recorded(velocity, open_faces, self.boundary)
            return
        self.boundary.stop(velocity, open_faces)
        for axis in range(self.grid.dim):
            for other, beyond in enumerate(self.grid.shape):
                if other != axis:
                    velocity[axis].select(other, beyond).zero_()

    def distance_at(self, points: Tensor, time: float) -> Tensor:
        """Signed distance (...) of all solids at world `points` (..., dim), m."""
        parts = [body.distance(points, time) for body in self.moving]
        if self.static is not None:
            parts.append(self.static.distance(points))
        if not parts:
            return points.new_full(points.shape[:-1], FAR)
        return torch.stack(parts).amin(0)

    def _free(self, own: Deformation, points: Tensor) -> Tensor:
        """Which points (n, dim) are outside of all solids but `own`, (n,) bool."""
        result = torch.ones(len(points), dtype=torch.bool, device=points.device)
        if self.static is not None:
            result &= self.static.distance(points) > 0
        for body in self.moving:
            if body is not own:
                result &= body.distance(points, self.time) > 0
        return result

    def room_beyond(self) -> int:
        """How many cells of the domain beyond the window have their centre outside solids."""
        whole, count = self.grid.whole, 0
        for first in range(whole.shape[0]):  # one layer at a time, for little memory
            layer = whole.window((first,) + (0,) * (whole.dim - 1), (first + 1, *whole.shape[1:]))
            points = layer.cells(layer.cell_positions(self.device).movedim(-1, 0)).movedim(0, -1)
            covered = layer.fitted(torch.ones_like(self.room), self.grid, 0.0)
            count += int(((self.distance_at(points, self.time) > 0) & (covered == 0)).sum())
        return count

    def _move_sides(self) -> None:
        """Set the velocity on faces of closed sides: the mean of the inlet's (or wall's) and of
        that of solids that cross the side, by their parts of the face. So a lid that slides over a
        cavity lets nothing out."""
        for side in self.boundary.sides:
            opened = side.faces(self.open[side.axis]).clone()
            speed = side.faces(self.velocity[side.axis])
            mixed = speed + opened * (side.velocity[side.axis] - speed)
            speed.copy_(torch.where(side.closed, mixed, speed))

    def _classify(self, centres: Tensor, at: Callable[[Tensor], Tensor]) -> None:
        """Find `solid`, `cut` and `room`; centres: the distance at the centres of the cells."""
        grid = self.grid
        self.solid = grid.zeros(self.device, dtype=torch.int8)
        self.cut = torch.zeros_like(self.solid)
        if self.static is None and not self.moving:
            self.room = torch.ones(grid.shape, device=self.device)
            return
        widest = torch.zeros(grid.shape, device=self.device)
        for axis, n in enumerate(grid.shape):
            faces = grid.faces(self.open.detach(), axis)
            for first in (0, 1):
                torch.maximum(widest, faces.narrow(axis, first, n), out=widest)
        reached = torch.zeros(grid.shape, dtype=torch.bool, device=self.device)
        for corner in itertools.product((0, 1), repeat=grid.dim):
            view = self.distance
            for axis, (n, first) in enumerate(zip(grid.shape, corner, strict=True)):
                view = view.narrow(axis, first, n)
            reached |= view < 0
        is_solid = (widest == 0) & (grid.cells(centres) < 0)
        grid.cells(self.solid).copy_(is_solid)
        kinds = reached.to(torch.int8) + (reached & (grid.cells(centres) < 0))
        grid.cells(self.cut).copy_(torch.where(is_solid, 0, kinds))
        self.room = room(reached, grid, at)

    def _add_velocity(self, body: Movement, distance: Tensor, time: float) -> None:
        """Set the body's velocity on every face with a corner in the body or near it."""
        grid = self.grid
        near = torch.nn.functional.pad(distance < grid.dx, (0, 1) * grid.dim, value=False)
        for axis in range(grid.dim):
            beside = torch.zeros(grid.nodes, dtype=torch.bool, device=self.device)
            for corner in itertools.product((0, 1), repeat=grid.dim):
                if corner[axis] == 0:
                    beside |= near[tuple(slice(c, c + n) for c, n in zip(corner, grid.nodes))]  # noqa: B905
            offset = tuple(0.0 if k == axis else 0.5 for k in range(grid.dim))
            points = grid.metres(beside.nonzero() + torch.tensor(offset, device=self.device))
            self.velocity[axis][beside] = body.velocity_at(points, time)[:, axis]


class _Samples(NamedTuple):
    """The distance of the solids that rest, (*nodes) float32, m: at the nodes of a grid, and at the
    centres of its cells."""

    grid: Grid
    nodes: Tensor
    centres: Tensor

    @classmethod
    def of(
        cls, static: Shape | None, grid: Grid, device: torch.device, before: _Samples | None
    ) -> _Samples:
        """Takes from samples of another window what they have: meshes are slow."""
        if static is None:
            far = torch.full(grid.nodes, FAR, device=device)
            return cls(grid, far, far)
        points = grid.node_positions(device), grid.cell_positions(device)
        if before is None:
            return cls(grid, *(static.distance(each).contiguous() for each in points))
        known = [
            grid.fitted(each, before.grid, math.nan) for each in (before.nodes, before.centres)
        ]
        for values, places in zip(known, points, strict=True):
            missing = values.isnan()
            if missing.any():
                values[missing] = static.distance(places[missing])
        return cls(grid, *known)
