"""The MAC grid and where its values live in memory.

Every field of the simulator is stored on `grid.nodes`, one more than the cells on each axis, so
that one flat index names a cell, its lower face on each axis and its lower corner. `cells` and
`faces` cut the meaningful part out of such an array as a view.

A grid may be a window of its domain: a box of cells outside of which nothing happens. Points in
grid coordinates count cells from the window's first corner, points in metres from the domain's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

MOST_CELLS_A_SIDE = 4096  # that flags and stored files may request


@dataclass(frozen=True)
class Grid:
    """A box of cubic cells; axes are x, y(, z), up is the last.

    shape: cells on each axis. dx: side of a cell, m.
    periodic: axes along which the box wraps around. The first and the last faces of such an axis
        are the same faces; every field stores them twice.
    origin: the cell of the domain that is the first one here.
    domain: cells of the domain on each axis; by default the grid is the whole of it.
    """

    shape: tuple[int, ...]
    dx: float
    periodic: tuple[int, ...] = ()
    origin: tuple[int, ...] = ()
    domain: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.domain:
            object.__setattr__(self, "origin", (0,) * len(self.shape))
            object.__setattr__(self, "domain", self.shape)

    @staticmethod
    def covering(size: tuple[float, ...], resolution: int, periodic: tuple[int, ...] = ()) -> Grid:
        """The grid with `resolution` cells along the longest side of a box of `size` metres."""
        dx = max(size) / resolution
        return Grid(tuple(max(1, round(side / dx)) for side in size), dx, periodic)

    @cached_property
    def whole(self) -> Grid:
        """The grid of the whole domain."""
        return self if self.is_whole else Grid(self.domain, self.dx, self.periodic)

    @property
    def is_whole(self) -> bool:
        return self.shape == self.domain

    def window(self, low: Sequence[int], high: Sequence[int]) -> Grid:
        """The cells from `low` up to, without, `high`, both counted in the domain.

        Raises ValueError if they are no box within it, or a part of a periodic axis.
        """
        sides = tuple(zip(low, high, self.domain, strict=True))
        if not all(0 <= first < end <= n for first, end, n in sides):
            raise ValueError(f"no window from {low} to {high} in a domain of {self.domain} cells")
        shape = tuple(end - first for first, end, _ in sides)
        if any(shape[axis] != self.domain[axis] for axis in self.periodic):
            raise ValueError(f"a window from {low} to {high} cuts a periodic axis")
        return Grid(shape, self.dx, self.periodic, tuple(low), self.domain)

    @property
    def end(self) -> tuple[int, ...]:
        """The cell of the domain after the last one here, on each axis."""
        return tuple(first + n for first, n in zip(self.origin, self.shape, strict=True))

    def is_rim(self, axis: int, upper: bool) -> bool:
        """Whether a side of the grid is one of the domain."""
        return self.end[axis] == self.domain[axis] if upper else self.origin[axis] == 0

    def fitted(self, field: Tensor, source: Grid, outside: float) -> Tensor:
        """A copy of a field of another window of the domain, on this one; `outside` where that has
        none.

        field: (..., *nodes) or (..., *shape) of the source.
        """
        if self == source:
            return field.clone()
        more = [n - own for n, own in zip(field.shape[-self.dim :], source.shape, strict=True)]
        leading = field.shape[: -self.dim]
        result = field.new_full(
            (*leading, *(n + extra for n, extra in zip(self.shape, more, strict=True))), outside
        )
        low = [max(pair) for pair in zip(self.origin, source.origin, strict=True)]
        high = [min(pair) for pair in zip(self.end, source.end, strict=True)]
        here, there = result, field
        for axis, extra in enumerate(more):
            size = high[axis] - low[axis] + extra
            if size <= extra:  # they have no cell in common
                return result
            here = here.narrow(axis - self.dim, low[axis] - self.origin[axis], size)
            there = there.narrow(axis - self.dim, low[axis] - source.origin[axis], size)
        here.copy_(there)
        return result

    def at(self, field: Tensor, places: Sequence[Tensor], outside: float) -> Tensor:
        """Values of a cell field (*shape) in cells of the domain; `outside` beyond the window.

        places: an index an axis, broadcast together.
        """
        if self.is_whole:
            return field[tuple(places)]
        inside = torch.ones((), dtype=torch.bool, device=field.device)
        own = []
        for place, first, n in zip(places, self.origin, self.shape, strict=True):
            inside = inside & (place >= first) & (place < first + n)
            own.append((place - first).clamp(0, n - 1))
        return torch.where(inside, field[tuple(own)], outside)

    def metres(self, points: Tensor) -> Tensor:
        """World positions (..., dim), m, of points in grid coordinates."""
        if any(self.origin):
            points = points + points.new_tensor(self.origin)
        return points * self.dx

    @property
    def dim(self) -> int:
        return len(self.shape)

    @property
    def up(self) -> int:
        """The axis that points up."""
        return self.dim - 1

    @property
    def extent(self) -> tuple[float, ...]:
        """Sides of the box, m."""
        return tuple(n * self.dx for n in self.shape)

    @property
    def nodes(self) -> tuple[int, ...]:
        """Shape of every stored field."""
        return tuple(n + 1 for n in self.shape)

    @cached_property
    def node_count(self) -> int:
        return math.prod(self.nodes)

    @cached_property
    def cell_count(self) -> int:
        return math.prod(self.shape)

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """Steps in the flat index from a node to its upper neighbour on each axis."""
        return tuple(math.prod(self.nodes[axis + 1 :]) for axis in range(self.dim))

    def cells(self, field: Tensor) -> Tensor:
        """View of the cell values of a stored field (..., *nodes), as (..., *shape)."""
        for axis, n in enumerate(self.shape):
            field = field.narrow(axis - self.dim, 0, n)
        return field

    def faces(self, field: Tensor, axis: int) -> Tensor:
        """View of the faces normal to `axis` of a stored face field (dim, *nodes)."""
        component = field[axis]
        for other, n in enumerate(self.shape):
            if other != axis:
                component = component.narrow(other, 0, n)
        return component

    def join(self, field: Tensor) -> None:
        """Copy the first faces of each periodic axis of a stored face field (dim, *nodes) to its
        last ones, which are the same faces; in place."""
        for axis in self.periodic:
            faces = self.faces(field, axis)
            faces.select(axis, self.shape[axis]).copy_(faces.select(axis, 0))

    def join_nodes(self, field: Tensor) -> None:
        """Copy the first nodes of each periodic axis of a field (*nodes) to its last ones."""
        for axis in self.periodic:
            field.select(axis, self.shape[axis]).copy_(field.select(axis, 0))

    def centred(self, field: Tensor) -> Tensor:
        """A stored face field (dim, *nodes) at the centres of the cells, (dim, *shape): the mean of
        both faces of each axis."""
        parts = []
        for axis, n in enumerate(self.shape):
            faces = self.faces(field, axis)
            parts.append((faces.narrow(axis, 0, n) + faces.narrow(axis, 1, n)) / 2)
        return torch.stack(parts)

    def positions(self, offset: tuple[float, ...], device: torch.device) -> Tensor:
        """World positions (*nodes, dim), m, of the points `offset` cells above the nodes."""
        axes = self._lines(offset, device)
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)

    def side_positions(self, axis: int, upper: bool, device: torch.device) -> Tensor:
        """World positions of the centres of the faces on a side, stored on the nodes without the
        axis of the side."""
        axes = self._lines(tuple(0.5 * (other != axis) for other in range(self.dim)), device)
        axes[axis] = axes[axis][-1:] if upper else axes[axis][:1]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).select(axis, 0)

    def _lines(self, offset: tuple[float, ...], device: torch.device) -> list[Tensor]:
        dtype = torch.get_default_dtype()
        return [
            (torch.arange(first, first + n, device=device, dtype=dtype) + shift) * self.dx
            for first, n, shift in zip(self.origin, self.nodes, offset, strict=True)
        ]

    def node_positions(self, device: torch.device) -> Tensor:
        return self.positions((0.0,) * self.dim, device)

    def cell_positions(self, device: torch.device) -> Tensor:
        """World positions of the cell centres, stored on the nodes."""
        return self.positions((0.5,) * self.dim, device)

    def face_positions(self, axis: int, device: torch.device) -> Tensor:
        """World positions of the centres of the faces normal to `axis`, stored on the nodes."""
        offset = tuple(0.0 if other == axis else 0.5 for other in range(self.dim))
        return self.positions(offset, device)

    def zeros(
        self, device: torch.device, *leading: int, dtype: torch.dtype | None = None
    ) -> Tensor:
        """A stored field of zeros, shape (*leading, *nodes); of torch's default type, which is
        float32 unless a program asks for doubles."""
        return torch.zeros((*leading, *self.nodes), dtype=dtype, device=device)
