"""The sides of the domain: walls, openings and inlets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.solid.images import repeated
from fluidsim.solid.shapes import Shape, Vector
from fluidsim.solid.values import records, settle

SIDES = ("x-", "x+", "y-", "y+", "z-", "z+")
Profile = Callable[[Tensor], Tensor]


def side_name(axis: int, upper: bool, dim: int) -> str:
    """The name of a side of the domain; the last axis is always z."""
    letter = "xz"[axis] if dim == 2 else "xyz"[axis]
    return letter + ("+" if upper else "-")


@dataclass(frozen=True)
class Wall:
    """How a closed side of the domain meets a viscous fluid; without viscosity every wall slips.

    Parameters
    ----------
    velocity : tuple of float, optional
        Of a wall that moves along itself like a belt and drags the fluid along, m/s; its component
        across the side is 0. By default the wall is at rest.
    slip : bool
        Whether the fluid slides along the wall without friction.

    Raises
    ------
    ValueError
        If a wall that slips has a velocity.
    """

    velocity: Vector | None = None
    slip: bool = False

    def __post_init__(self) -> None:
        settle(self)
        if self.slip and self.velocity is not None:
            raise ValueError("a wall that slips cannot drag the fluid: leave out its velocity")


@dataclass(frozen=True)
class Inlet:
    """A side of the domain, or a part of it, through which fluid enters.

    Parameters
    ----------
    side : str
        "x-", "x+", "y-", "y+", "z-" or "z+".
    velocity : tuple of float or callable
        One vector, or a function of points (..., dim), m, that returns a vector at each, m/s. It
        holds whatever the pressure is; one that points outwards draws fluid out.
    shape : Shape, optional
        The part of the side that is an inlet; by default the whole side. The rest of the side stays
        as it would be without the inlet.
    density : float
        Of the smoke that enters, dimensionless.
    temperature : float
        Of what enters, K above ambient.

    Raises
    ------
    ValueError
        If there is no such side, or if a tensor other than velocity, density or temperature, or a
        number of the shape, requires a gradient.
    """

    side: str
    velocity: Vector | Profile
    shape: Shape | None = None
    density: float = 0.0
    temperature: float = 0.0

    def __post_init__(self) -> None:
        settle(self, recorded=("velocity", "density", "temperature"))
        check_side(self.side)
        if records(self.shape):
            raise ValueError("there is no gradient for the shape of an Inlet: it takes whole faces")

    def velocity_at(self, points: Tensor) -> Tensor:
        """Evaluate the velocity at points.

        Parameters
        ----------
        points : Tensor
            (..., dim), m.

        Returns
        -------
        Tensor
            (..., dim), m/s.

        Raises
        ------
        ValueError
            If the velocity is a vector of another dimension.
        """
        if callable(self.velocity):
            return self.velocity(points)
        if len(self.velocity) != points.shape[-1]:
            raise ValueError(f"the velocity of an inlet needs {points.shape[-1]} components")
        return torch.as_tensor(self.velocity).to(points).expand_as(points)


@dataclass(frozen=True, eq=False)
class Side:
    """One side of the domain; its arrays have the shape `nodes` without the axis of the side.

    closed bool: faces of walls and inlets, and stored points beyond the grid. grip float32: 1 where
    a viscous fluid sticks, 0 where it slips or leaves. velocity (dim, ...) float32, m/s: of the
    wall or of the fluid that enters; 0 elsewhere. inlets int64: number of the inlet, -1 for none.
    periodic: the periodic axes of the grid.
    """

    axis: int
    upper: bool
    closed: Tensor
    grip: Tensor
    velocity: Tensor
    inlets: Tensor
    periodic: tuple[int, ...]

    def faces(self, component: Tensor) -> Tensor:
        """View of the side's faces in a component (*nodes) of a face field."""
        return component.select(self.axis, component.shape[self.axis] - 1 if self.upper else 0)

    def along(self, values: Tensor, axis: int) -> Tensor:
        """Means of the side's values (nodes without its axis) over neighbours along another axis;
        at a rim the value of the only neighbour."""
        place = axis - (axis > self.axis)
        cells = values.narrow(place, 0, values.shape[place] - 1)
        first = cells.narrow(place, 0, 1)
        last = cells.narrow(place, cells.shape[place] - 1, 1)
        before, after = (last, first) if axis in self.periodic else (first, last)
        return (torch.cat((before, cells), place) + torch.cat((cells, after), place)) / 2


class Boundary:
    """The sides of a domain. By default a side is a closed wall to which viscous fluid sticks.
    Periodic axes have no sides. Beyond the sides of a window that are not the domain's is air.

    closed (dim, *nodes) bool: faces of walls and inlets, and stored points beyond the grid.
    moves: whether a wall or an inlet has a velocity. opens: whether a side of the domain has an
    opening. open_sides: names of the domain's sides without a wall.
    Raises ValueError if a side does not exist or belongs to a periodic axis, or if a wall moves
    across its side.
    """

    def __init__(
        self,
        grid: Grid,
        device: torch.device,
        open_sides: Sequence[str] = (),
        walls: Mapping[str, Wall] | None = None,
        inlets: Sequence[Inlet] = (),
    ) -> None:
        walls = {} if walls is None else walls
        for name in (*open_sides, *walls):
            check_side(name)
        for name in walls:
            if name in open_sides:
                raise ValueError(f"the side {name} is open: it has no wall")
        letters = [side_name(axis, False, grid.dim)[0] for axis in grid.periodic]
        refuse_sides_of(letters, (*open_sides, *walls, *(inlet.side for inlet in inlets)))
        self.grid = grid
        self.inlets = tuple(inlets)
        self.open_sides = tuple(open_sides)
        self.sides = tuple(
            _side(grid, axis, upper, device, open_sides, walls, self.inlets)
            for axis in range(grid.dim)
            if axis not in grid.periodic
            for upper in (False, True)
        )
        self.moves = any(bool(side.velocity.any()) for side in self.sides)
        self._open = {
            (side.axis, side.upper)
            for side in self.sides
            if grid.is_rim(side.axis, side.upper) and not bool(side.closed.all())
        }
        out_of_reach = (side for side in self.sides if not grid.is_rim(side.axis, side.upper))
        self.opens = bool(self._open) or any(
            side_name(side.axis, side.upper, grid.dim) in open_sides for side in out_of_reach
        )
        self.closed = torch.ones((grid.dim, *grid.nodes), dtype=torch.bool, device=device)
        for axis, n in enumerate(grid.shape):
            rim = int(axis not in grid.periodic)
            grid.faces(self.closed, axis).narrow(axis, rim, n + 1 - 2 * rim).fill_(False)
        for side in self.sides:
            side.faces(self.closed[side.axis]).copy_(side.closed)

    def of_axis(self, axis: int) -> Iterator[Side]:
        """The lower and the upper side of an axis."""
        return (side for side in self.sides if side.axis == axis)

    def is_open(self, axis: int, upper: bool) -> bool:
        """Whether a side is one of the domain, with an opening."""
        return (axis, upper) in self._open

    def stop(self, velocity: Tensor, open_faces: Tensor) -> None:
        """Give the closed faces of a velocity (dim, *nodes) that of walls and inlets, in place.

        open_faces: (dim, *nodes), the open part of each face; faces with one are left alone.
        """
        for side in self.sides:
            faces = side.faces(velocity[side.axis])
            shut = side.closed & (side.faces(open_faces[side.axis]) == 0)
            faces.copy_(torch.where(shut, side.velocity[side.axis], faces))


def check_side(name: str) -> None:
    """Raises ValueError if a side of this name does not exist."""
    if name not in SIDES:
        raise ValueError(f"no side {name!r}; the sides are {', '.join(SIDES)}")


def periodic_axes(names: Sequence[str], dim: int) -> tuple[int, ...]:
    """The numbers of the axes "x", "y", "z", in order. Raises ValueError for other names."""
    letters = [side_name(axis, False, dim)[0] for axis in range(dim)]
    for name in names:
        if name not in letters:
            raise ValueError(f"no axis {name!r} in {dim}D; the axes are {', '.join(letters)}")
    return tuple(axis for axis, letter in enumerate(letters) if letter in names)


def refuse_sides_of(periodic: Sequence[str], sides: Iterable[str]) -> None:
    """Raises ValueError if one of the sides belongs to a periodic axis."""
    for name in sides:
        if name[:1] in periodic:
            raise ValueError(f"the axis {name[0]} is periodic: it has no side {name}")


def refuse_drag_without(viscosity: float, walls: Mapping[str, Wall]) -> None:
    """Raises ValueError if a wall moves along itself and the fluid has no viscosity, Pa s."""
    for name, wall in walls.items():
        if wall.velocity is not None and viscosity == 0:
            raise ValueError(f"the wall {name} moves: to drag the fluid, it needs a viscosity")


def _side(
    grid: Grid,
    axis: int,
    upper: bool,
    device: torch.device,
    open_sides: Sequence[str],
    walls: Mapping[str, Wall],
    inlets: Sequence[Inlet],
) -> Side:
    name = side_name(axis, upper, grid.dim)
    points = grid.side_positions(axis, upper, device)
    shape = points.shape[:-1]
    beyond = torch.zeros(shape, dtype=torch.bool, device=device)
    for k, n in enumerate(n for other, n in enumerate(grid.shape) if other != axis):
        beyond.select(k, n).fill_(True)
    rim = grid.is_rim(axis, upper)
    wall = walls.get(name, Wall()) if rim else Wall()
    closed = torch.full(shape, rim and name not in open_sides, device=device)
    grip = (closed & (not wall.slip)).float()
    speed = _speed_of(wall, axis, name, grid.dim)
    velocity = points.new_tensor(speed).expand_as(points).clone()
    which = torch.full(shape, -1, device=device)
    for number, inlet in enumerate(inlets):
        if rim and inlet.side == name:
            inside = ~beyond
            if inlet.shape is not None:
                inside &= repeated(inlet.shape, grid).distance(points) < 0
            if not inside.any():
                raise ValueError(f"no face of the side {name} lies inside its inlet {number + 1}")
            closed, grip = closed | inside, torch.where(inside, 1.0, grip)
            velocity = torch.where(inside[..., None], inlet.velocity_at(points), velocity)
            which[inside] = number
    velocity[beyond] = 0.0
    return Side(axis, upper, closed | beyond, grip, velocity.movedim(-1, 0), which, grid.periodic)


def _speed_of(wall: Wall, axis: int, name: str, dim: int) -> Vector:
    if wall.velocity is None:
        return (0.0,) * dim
    if len(wall.velocity) != dim:
        raise ValueError(f"the velocity of the wall {name} needs {dim} components")
    if wall.velocity[axis] != 0:
        raise ValueError(f"the wall {name} can only move along itself; use an Inlet instead")
    return wall.velocity
