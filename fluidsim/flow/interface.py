"""The interface of liquid and air between cell centres, to second order.

Gibou, Fedkiw, Cheng & Kang 2002, "A second-order-accurate symmetric discretization of the Poisson
equation on irregular domains", and Enright, Nguyen, Gibou & Fedkiw 2003, "Using the particle level
set method and a second order accurate pressure boundary condition for free surface flows": the
pressure of the air acts at a fraction theta of the way to the air cell, so the gradient is taken
over theta dx, both in the system and in the velocity. The matrix stays symmetric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid

LEAST = 1e-3  # smallest theta; it moves the interface by less than this part of a cell


@dataclass(frozen=True, eq=False)
class Interface:
    """The n faces between a cell with a pressure and one without.

    faces (n,) int64: flat index in a face field (dim, *nodes). cells (n,) int64: flat index in
    (*shape) of the cell with a pressure. outward (n,): 1 if that is the lower cell, else -1.
    theta (n,): distance of its centre from the interface, in cells, LEAST..1. pressure (n,), Pa: at
    the interface.
    """

    faces: Tensor
    cells: Tensor
    outward: Tensor
    theta: Tensor
    pressure: Tensor

    @classmethod
    def of(
        cls, distance: Tensor, wet: Tensor, grid: Grid, pressure: Tensor | None = None
    ) -> Interface:
        """distance: (*shape), signed, linear between centres; any unit.

        wet: (*shape) bool, cells with a pressure; theta is 1 on their faces where the distance
        does not change its sign. pressure: (dim, *nodes), Pa, at the interface on each face; 0 by
        default.
        """
        parts, values, wetted = [], distance.reshape(-1), wet.reshape(-1)
        for axis, n in enumerate(grid.shape):
            differ = wet.narrow(axis, 0, n - 1) != wet.narrow(axis, 1, n - 1)
            place = list(differ.nonzero(as_tuple=True))
            below_index = _flat(place, grid.shape)
            place[axis] = place[axis] + 1
            above_index = _flat(place, grid.shape)
            rising = wetted[below_index]
            inner = torch.where(rising, below_index, above_index)
            outer = torch.where(rising, above_index, below_index)
            inside, outside = values[inner].double(), values[outer].double()
            crossed = (inside < 0) & (outside > 0)
            across = torch.where(crossed, inside - outside, -1.0)  # 0 / 0 has no gradient
            theta = torch.where(crossed, inside / across, 1.0).clamp(min=LEAST)
            faces = axis * grid.node_count + _flat(place, grid.nodes)
            held = torch.zeros_like(theta) if pressure is None else pressure.view(-1)[faces]
            parts.append((faces, inner, 2.0 * rising - 1.0, theta, held))
        return cls(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))

    def stretched(self, open_faces: Tensor) -> Tensor:
        """The open part of each face over theta, (dim, *nodes): weights of the system."""
        result = open_faces.clone()
        result.view(-1)[self.faces] /= self.theta.to(result.dtype)
        return result

    def add_inflow(self, rhs: Tensor, stretched: Tensor, scale: float, dt: float) -> None:
        """Add the inflow that the pressure at the interface causes to the right-hand side (*shape),
        1/s.

        stretched: (dim, *nodes), as from `stretched`. scale: 1 / (density dx^2).
        """
        weights = stretched.view(-1)[self.faces].double() * scale
        rhs.view(-1).index_add_(0, self.cells, weights * self.pressure * dt)

    def correct_gradient(
        self, velocity: Tensor, impulse: Tensor, open_faces: Tensor, slope: float, dt: float
    ) -> None:
        """Subtract the rest of the gradient from the velocity (dim, *nodes), in place: so far it
        was taken to p = 0 at the next centre.

        impulse: (*shape), Pa s. open_faces: (dim, *nodes). slope: 1 / (density dx).
        """
        inside = impulse.reshape(-1)[self.cells]
        jump = (self.pressure * dt - inside) / self.theta + inside
        opened = open_faces.view(-1)[self.faces] > 0
        velocity.view(-1)[self.faces] -= (slope * self.outward * jump * opened).to(velocity.dtype)


def _flat(place: Sequence[Tensor], shape: tuple[int, ...]) -> Tensor:
    """Flat index (n,) in an array of this shape of points given by their coordinates (n,)."""
    index = place[0]
    for coordinate, n in zip(place[1:], shape[1:], strict=True):
        index = index * n + coordinate
    return index
