"""The rates of strain of a viscous fluid on the MAC grid, as differences of its velocity.

The rates of strain d_ii = du_i/dx_i live in the cells, e_ij = du_i/dx_j + du_j/dx_i on the edges
(in 2D the nodes) between faces: Batty & Bridson 2008, "Accurate viscous free surfaces for buckling,
coiling, and rotating liquids", section 4. The weight of a sample is the part of its surroundings
that the fluid fills, so a free surface has no traction. Faces inside solids and walls have the
velocity of these (no slip); a difference across a wall is taken up to the wall: Gibou, Fedkiw,
Cheng & Kang 2002, "A second-order-accurate symmetric discretization of the Poisson equation". There
is no shear at sides of the domain that are open or slip.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fluidsim.flow.domain import FlowDomain
from fluidsim.grid.grid import Grid
from fluidsim.solid.solids import FAR, Solids

LEAST_REACH = 0.01  # cells: a face closer to a wall counts as if it were this far away
LEAST_FILLED = 0.05  # of a face's surroundings: a face with less fluid does not count


@dataclass(frozen=True, eq=False)
class Strain:
    """Rates of strain times the square root of their weight, as differences of the velocity.

    The sample (i, j), i <= j, at node k is factors[i, j] times the difference of u_i along j plus,
    where i < j, factors[j, i] times that of u_j along i. The difference is u_i[k + 1] - u_i[k] in a
    cell, u_i[k] - u_i[k - 1 along j] on an edge, in m/s. Values beyond the grid are 0.

    factors  (dim, dim, *nodes) float32
    mass     (dim, *nodes) float32: the part of a face's surroundings that the fluid fills
    free     (dim, *nodes) bool: faces that viscosity sets
    stuck    (dim, *nodes) bool: faces of solids and walls
    solid    (dim, *nodes) float32, m/s: velocity of stuck faces, 0 elsewhere
    drive    (dim, dim, *nodes) float32, m/s: what moving walls add to the sample; None for 0
    """

    factors: Tensor
    mass: Tensor
    free: Tensor
    stuck: Tensor
    solid: Tensor
    drive: Tensor | None

    def detached(self) -> Strain:
        """The same without a record for gradients."""
        return replace(self, factors=self.factors.detach(), mass=self.mass.detach())

    @classmethod
    def of(cls, domain: FlowDomain, solids: Solids, grid: Grid) -> Strain:
        """The strain of a flow. The domain may have more open faces than `solids.open`."""
        return _Assembly(domain, solids, grid).strain(domain.held)


class _Assembly:
    def __init__(self, domain: FlowDomain, solids: Solids, grid: Grid) -> None:
        surface = domain.surface
        self.grid, self.solids = grid, solids
        self.fluid = self._padded(domain.fluid)
        self.inside = self._padded(grid.cells(solids.solid) == 0)
        self.surface = None if surface is None else self._padded(surface) * self.inside
        self.room = self._room()
        self.distance = torch.stack([self._distance((axis,)) for axis in range(grid.dim)])
        opened, own = (ringed(faces, grid) for faces in (domain.open_faces, solids.open))
        self.stuck = (opened == 0) | ((self.distance <= 0) & ~(opened > own))
        self.mass = torch.stack([self._filled((axis,)) for axis in range(grid.dim)])
        self.known = (self.mass > 0) | self.stuck

    def strain(self, held: Tensor | None) -> Strain:
        grid, solids = self.grid, self.solids
        free = self.known & ~self.stuck
        if held is not None:
            free &= ~held
        for axis in grid.periodic:  # a point that is stored twice is free once
            for component, faces in enumerate(free):
                faces.select(axis, 0 if component == axis else grid.shape[axis]).fill_(False)
        shape = (grid.dim, *self.mass.shape)
        self.factors = self.mass.new_zeros(shape)
        moves = solids.moving or solids.boundary.moves
        self.drive = self.mass.new_zeros(shape) if moves else None
        inside = self.stuck & ~solids.walls
        self.wall_speed = ringed(torch.where(solids.walls, 0.0, solids.velocity), grid)
        for axis in range(grid.dim):
            self._add_cells(axis)
        for pair in itertools.combinations(range(grid.dim), 2):
            self._add_edges(*pair)
        solid = torch.where(inside, solids.velocity, 0.0)
        solids.boundary.stop(solid, self.stuck.logical_not())
        return Strain(self.factors, self.mass, free, self.stuck, solid, self.drive)

    def _add_cells(self, axis: int) -> None:
        """The stress 2 mu d_ii dissipates twice as much as the shear mu e_ij. A cell beside a face
        without fluid, whose velocity is nobody's, is not strained."""
        reach = self._reach(axis, axis)
        strained = self.known[axis] & above(self.known[axis], axis, True, self.grid)
        weight = 2 * self._filled(()) * strained * reach
        self._set(axis, axis, weight, reach)

    def _add_edges(self, i: int, j: int) -> None:
        known = self.known
        strained = known[i] & below(known[i], j, True, self.grid)
        strained &= known[j] & below(known[j], i, True, self.grid)
        outside = (0.5 + self._distance((i, j)) / self.grid.dx).clamp(LEAST_REACH, 1.0)
        for axis, other in ((i, j), (j, i)):
            for side in self.solids.boundary.of_axis(axis):
                side.faces(outside).mul_(0.5 * side.along(side.grip, other))
        weight = self._filled((i, j)) * strained * outside
        self._set(i, j, weight, self._reach(i, j))
        self._set(j, i, weight, self._reach(j, i))

    def _set(self, component: int, along: int, weight: Tensor, reach: Tensor) -> None:
        some = weight > 0
        plain = torch.where(some, torch.where(some, weight, 1.0).sqrt(), 0.0)
        factor = self.factors[component, along] = plain / reach
        if self.drive is not None:
            speed = self.wall_speed[component]
            if component == along:
                jump = above(speed, along, 0.0, self.grid) - speed
            else:
                jump = speed - below(speed, along, 0.0, self.grid)
                for rim in self._rims(along):
                    jump.select(along, rim).zero_()
            first, last = sorted((component, along))
            self.drive[first, last] += (plain - factor) * jump
            if component != along:
                self._add_sides(self.drive[first, last], factor, component, along)

    def _add_sides(self, drive: Tensor, factor: Tensor, component: int, along: int) -> None:
        """Add the speed of the domain's walls at the ends of an axis, along themselves."""
        for side in self.solids.boundary.of_axis(along):
            speed = side.along(side.velocity[component], component)
            side.faces(drive).add_(side.faces(factor) * speed, alpha=1.0 if side.upper else -1.0)

    def _reach(self, component: int, along: int) -> Tensor:
        """Cells over which a difference of u_component along an axis is taken: < 1 to a wall."""
        stuck, distance = self.stuck[component], self.distance[component]
        if component == along:
            beside = above
        else:
            beside = below
        other_stuck = beside(stuck, along, True, self.grid)
        other = beside(distance, along, 0.0, self.grid)
        outside = torch.where(stuck, other, distance)
        inside = torch.where(stuck, distance, other)
        crossed = (stuck != other_stuck) & (outside > 0) & (inside < 0)
        reach = torch.where(crossed, outside / (outside - inside), 1.0).clamp(min=LEAST_REACH)
        if component != along:  # the domain's walls are half a cell from the outermost faces
            for rim in self._rims(along):
                reach.select(along, rim).fill_(0.5)
        return reach

    def _rims(self, axis: int) -> tuple[int, ...]:
        return () if axis in self.grid.periodic else (0, self.grid.shape[axis])

    def _distance(self, axes: tuple[int, ...]) -> Tensor:
        """Signed distance at the centres of faces (axis,) or edges (two axes), (*nodes), m."""
        distance = self.solids.distance
        for axis in range(self.grid.dim):
            if axis not in axes:
                distance = (distance + above(distance, axis, FAR, self.grid)) / 2
        return distance

    def _room(self) -> Tensor:
        """1 in cells that fluid can enter, including those beyond open sides, (*shape + 2)."""
        grid = self.grid
        room = self.inside.clone()
        for side in self.solids.boundary.sides:
            beyond = room.select(side.axis, grid.shape[side.axis] + 1 if side.upper else 0)
            for axis, n in enumerate(n for k, n in enumerate(grid.shape) if k != side.axis):
                beyond = beyond.narrow(axis, 1, n + 1)
            beyond.copy_(~side.closed)
        return self._closed(room)

    def _filled(self, axes: tuple[int, ...]) -> Tensor:
        """Filled part of the cells around a cell (), face (axis,) or edge (two axes), (*nodes)."""
        room = self._around(self.room, axes).clamp(min=1)
        if self.surface is None:
            return self._around(self.fluid, axes) / room
        inside = self._around(self.inside, axes)
        distance = self._around(self.surface, axes) / inside.clamp(min=1)
        filled = (0.5 - distance).clamp(0, 1) * (inside / room)
        return torch.where(filled < LEAST_FILLED, 0.0, filled)

    def _padded(self, cells: Tensor) -> Tensor:
        """Pad cells (*shape) by 1 with zeros, or periodically along periodic axes."""
        values = cells.to(torch.get_default_dtype())
        return self._closed(torch.nn.functional.pad(values, (1, 1) * self.grid.dim))

    def _closed(self, padded: Tensor) -> Tensor:
        for axis in self.grid.periodic:
            n = self.grid.shape[axis]
            padded.select(axis, 0).copy_(padded.select(axis, n))
            padded.select(axis, n + 1).copy_(padded.select(axis, 1))
        return padded

    def _around(self, padded: Tensor, axes: tuple[int, ...]) -> Tensor:
        for axis, n in enumerate(self.grid.nodes):
            own = padded.narrow(axis, 1, n)
            padded = own + padded.narrow(axis, 0, n) if axis in axes else own
        return padded


def below(field: Tensor, axis: int, beyond: float, grid: Grid) -> Tensor:
    """The value one point down the axis, `beyond` at the lower rim."""
    n = grid.shape[axis]
    last = field.narrow(axis, n - 1, 1)
    rim = last if axis in grid.periodic else torch.full_like(last, beyond)
    return torch.cat((rim, field.narrow(axis, 0, n)), axis)


def above(field: Tensor, axis: int, beyond: float, grid: Grid) -> Tensor:
    """The value one point up the axis, `beyond` at the upper rim."""
    n = grid.shape[axis]
    if axis in grid.periodic:
        return torch.cat((field.narrow(axis, 1, n - 1), field.narrow(axis, 0, 2)), axis)
    rim = torch.full_like(field.narrow(axis, 0, 1), beyond)
    return torch.cat((field.narrow(axis, 1, n), rim), axis)


def ringed(field: Tensor, grid: Grid) -> Tensor:
    """A field (dim, *nodes) whose last points along periodic axes are equal to the first; a copy if
    there are such axes."""
    for axis in grid.periodic:
        field = field.clone()
        field.select(axis + 1, grid.shape[axis]).copy_(field.select(axis + 1, 0))
    return field
