"""Sources and sinks of liquid: the inflows and outflows of a scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from fluidsim.flow.flux import divergence
from fluidsim.flow.values import number
from fluidsim.grid.grid import Grid
from fluidsim.grid.sorting import cells_of
from fluidsim.liquid.particles import Particles
from fluidsim.liquid.seeding import Region, cells_near, distance_at, seed_cells
from fluidsim.liquid.window import Box, around, box_near
from fluidsim.solid.motion import RigidMotion
from fluidsim.solid.movement import Movement
from fluidsim.solid.shapes import Shape, Vector
from fluidsim.solid.solids import Solids
from fluidsim.solid.values import settle

FULL = 0.98  # of its room: a domain with so much liquid takes no more


@dataclass(frozen=True)
class Inflow:
    """Keeps a shape full of liquid that moves with one velocity, or with the shape.

    The shapes of several inflows must not overlap.

    Parameters
    ----------
    shape : Shape or Movement
        The region, at rest or moving.
    velocity : tuple of float, optional
        Of the liquid, m/s, a tensor for a gradient; by default that of the shape where it is.
    until : float, optional
        Time when the inflow ends, s; by default never.
    """

    shape: Region
    velocity: Vector | None = None
    until: float | None = None

    def __post_init__(self) -> None:
        settle(self, recorded=("velocity",))
        if self.velocity is None and isinstance(self.shape, Shape):
            raise ValueError("an inflow whose shape rests needs a velocity")

    def velocity_at(self, points: Tensor, time: float) -> Tensor:
        """The velocity (n, dim), m/s, of its liquid at points (n, dim), m."""
        if self.velocity is not None:
            return torch.as_tensor(self.velocity).to(points).expand_as(points)
        assert isinstance(self.shape, Movement)
        return self.shape.velocity_at(points, time)

    def flows(self, time: float) -> bool:
        return self.until is None or time < self.until


@dataclass(frozen=True)
class Outflow:
    """Takes away the liquid in a shape.

    Parameters
    ----------
    shape : Shape or Movement
        The region, at rest or moving.
    """

    shape: Region


@dataclass(frozen=True)
class Exchange:
    """Particles poured in by inflows, minus those that they replaced, and particles drained by
    outflows."""

    poured: int = 0
    drained: int = 0

    def __add__(self, other: Exchange) -> Exchange:
        return Exchange(self.poured + other.poured, self.drained + other.drained)


class Driven(NamedTuple):
    """What inflows impose.

    divergence: of their flow, (*shape) float64, 1/s; 0 elsewhere. faces: those whose velocity they
    set, (dim, *nodes) bool.
    """

    divergence: Tensor
    faces: Tensor


class Covered(NamedTuple):
    """cells: (n, dim), those that a shape may reach into. distance: (*shape), m, of the centres of
    all cells from it."""

    cells: Tensor
    distance: Tensor


class SourcesAndSinks:
    """The inflows and outflows of a liquid.

    An inflow refills its shape in each step, so the liquid in it does not become denser, and the
    amount that it pours is what has left the shape. Its velocity field has a divergence where the
    shape touches a wall, which the projection keeps: Kim, Liu, Llamas, Jiao & Rossignac 2007,
    "Simulation of bubbles in foam with the volume control method", prescribe one likewise.
    """

    def __init__(
        self,
        grid: Grid,
        solids: Solids,
        inflows: Sequence[Inflow],
        outflows: Sequence[Outflow],
        seed: int,
    ):
        self.grid = grid
        self.solids = solids
        for inflow in inflows:
            self._check(inflow)
        self.inflows = tuple(inflows)
        self.outflows = tuple(outflows)
        self._closed = self.full = False
        self.owed = 0
        self.generator = torch.Generator().manual_seed(seed)
        self.cover(grid)

    def cover(self, grid: Grid) -> None:
        """Work on another window of the domain from now on."""
        self.grid = grid
        points = grid.cell_positions(self.solids.device)
        self._centres = grid.cells(points.movedim(-1, 0)).movedim(0, -1)
        self._find_cells()

    def box(self, time: float) -> Box | None:
        """Where in the domain liquid may flow in at a time; None if nowhere."""
        return around(
            self._boxes[shape] if isinstance(shape, Shape) else box_near(shape, time, self.grid)
            for shape in (inflow.shape for inflow in self.inflows if inflow.flows(time))
        )

    def change_inflow(self, number: int, inflow: Inflow) -> None:
        """Put another inflow in the place of one, from now on."""
        self._check(inflow)
        inflows = list(self.inflows)
        inflows[number] = inflow
        self.inflows = tuple(inflows)
        self._find_cells()

    def top_speed(self, time: float, seconds: float) -> float:
        """The largest speed per axis of liquid that flows in during `seconds` from a time, m/s."""
        flowing = self._flowing(time)
        given = [inflow.velocity for inflow in flowing if inflow.velocity is not None]
        speeds = [abs(number(v)) for velocity in given for v in velocity]
        speeds += [
            self._speed_of(inflow.shape, time, seconds)
            for inflow in flowing
            if inflow.velocity is None and isinstance(inflow.shape, Movement)
        ]
        return max(speeds, default=0.0)

    def look(self, volume: Callable[[], float]) -> None:
        """Let nothing flow in while a domain without a way out is full; volume: of the liquid."""
        self._closed = not (self.outflows or self.solids.boundary.opens)
        cells = float(self.solids.room.sum(dtype=torch.float64))
        liquid = volume() / self.grid.dx**self.grid.dim if self._closed else 0.0
        if liquid > FULL * cells:
            cells += self.solids.room_beyond()
        self.full = liquid > FULL * cells

    def apply(self, particles: Particles, time: float) -> Exchange:
        """Fill the inflows and empty the outflows as they are at `time`, s."""
        flowing = self._flowing(time)
        if not flowing and not self.outflows:
            return Exchange()
        drained = torch.zeros(particles.count, dtype=torch.bool, device=self.solids.device)
        for outflow in self.outflows:
            drained |= self._inside(outflow.shape, particles, time)
        replaced = torch.zeros_like(drained)
        positions, velocities = [], []
        for inflow in flowing:
            replaced |= ~drained & self._inside(inflow.shape, particles, time)
            new = self._filling(inflow, time)
            positions.append(new)
            velocities.append(inflow.velocity_at(self.grid.metres(new), time))
        filled = sum(len(new) for new in positions)
        exchange = Exchange(self._poured(filled, int(replaced.sum())), int(drained.sum()))
        none = particles.positions.new_zeros((0, self.grid.dim))
        particles.exchange(
            drained | replaced, torch.cat([none, *positions]), torch.cat([none, *velocities])
        )
        return exchange

    def distance(self, time: float) -> Tensor | None:
        """Signed distance (*shape) of the cell centres from the inflows, m; None without any."""
        parts = [self._covered(inflow.shape, time).distance for inflow in self._flowing(time)]
        return torch.stack(parts).amin(0) if parts else None

    def reached(self, time: float) -> Tensor:
        """Cells (*shape) bool that the inflows and outflows may reach into."""
        result = torch.zeros(self.grid.shape, dtype=torch.bool, device=self.solids.device)
        for each in (*self._flowing(time), *self.outflows):
            result[self._covered(each.shape, time).cells.long().unbind(1)] = True
        return result

    def drive(self, velocity: Tensor, open_faces: Tensor, time: float) -> Driven | None:
        """Impose the inflows' velocities on the faces (dim, *nodes) of their cells, in place.

        Returns None if nothing flows in. open_faces: (dim, *nodes) float32, the open part of each
        face.
        """
        grid = self.grid
        driven = torch.zeros(grid.shape, dtype=torch.bool, device=velocity.device)
        flowing = self._flowing(time)
        if not flowing:
            return None
        held = torch.zeros(velocity.shape, dtype=torch.bool, device=velocity.device)
        for inflow in flowing:
            distance = self._covered(inflow.shape, time).distance
            inside = (distance < 0) & (grid.cells(self.solids.solid) == 0)
            driven |= inside
            for axis, n in enumerate(grid.shape):
                faces, walls, known = (
                    grid.faces(f, axis) for f in (velocity, self.solids.walls, held)
                )
                own = torch.zeros_like(walls)
                for side in (0, 1):
                    own.narrow(axis, side, n).logical_or_(inside)
                own &= ~walls
                shift = [0.5 * (k != axis) for k in range(grid.dim)]
                points = grid.metres(own.nonzero() + velocity.new_tensor(shift))
                faces[own] = inflow.velocity_at(points, time)[:, axis]
                known[own] = True
        flow = divergence(velocity, open_faces, self.solids.velocity, driven, grid)
        return Driven(flow, held)

    def _poured(self, filled: int, replaced: int) -> int:
        """Particles poured in: those that fill the inflows beyond those that they replace, less
        earlier ones that were missing for it, for at most one filling."""
        balance = filled - replaced - self.owed
        self.owed = min(filled, max(0, -balance))
        self.full |= self._closed and self.owed == filled > 0
        return max(0, balance)

    def _flowing(self, time: float) -> list[Inflow]:
        return [] if self.full else [each for each in self.inflows if each.flows(time)]

    def _check(self, inflow: Inflow) -> None:
        if inflow.velocity is not None and len(inflow.velocity) != self.grid.dim:
            raise ValueError(f"the velocity of an inflow needs {self.grid.dim} components")

    def _speed_of(self, shape: Movement, time: float, seconds: float) -> float:
        """A bound of the speed of a moving shape in the grid, m/s."""
        reach = 0.0
        if isinstance(shape, RigidMotion):
            places = self.grid.metres(self._covered(shape, time).cells)
            arms = places - shape.pivot_at(places, shape.pose(time))
            reach = float(arms.norm(dim=1).max()) if len(arms) else 0.0
        return shape.top_speed(time, seconds, reach)

    def _find_cells(self) -> None:
        """Find the cells of the inflows and outflows that rest, once."""
        shapes = [
            each.shape for each in (*self.inflows, *self.outflows) if isinstance(each.shape, Shape)
        ]
        self._resting = {shape: self._found(shape, 0.0) for shape in shapes}
        self._boxes = {shape: box_near(shape, 0.0, self.grid) for shape in shapes}

    def _filling(self, inflow: Inflow, time: float) -> Tensor:
        """New particles (n, dim) in the inflow, in grid coordinates."""
        cells = self._covered(inflow.shape, time).cells
        return seed_cells(
            cells, distance_at(inflow.shape, time), self.solids, self.generator, time
        ).to(self.solids.device)

    def _inside(self, shape: Region, particles: Particles, time: float) -> Tensor:
        """The particles in a shape, (count,) bool; those in cells far from it are not asked."""
        near = self.grid.zeros(self.solids.device, dtype=torch.bool)
        near[self._covered(shape, time).cells.long().unbind(1)] = True
        inside = near.view(-1)[cells_of(particles.positions, self.grid.strides)]
        asked = inside.nonzero()[:, 0]
        places = self.grid.metres(particles.positions[asked])
        inside[asked] = distance_at(shape, time)(places) < 0
        return inside

    def _covered(self, shape: Region, time: float) -> Covered:
        """What a shape covers of the grid at a time; where it rests, as it was found once."""
        return self._resting[shape] if isinstance(shape, Shape) else self._found(shape, time)

    def _found(self, shape: Region, time: float) -> Covered:
        distance = distance_at(shape, time)
        return Covered(cells_near(distance, self.grid), distance(self._centres))
