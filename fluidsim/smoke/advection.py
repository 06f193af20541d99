"""Semi-Lagrangian advection of the velocity on the faces, in 2D and 3D.

Stam 1999, "Stable fluids" (tracing back along the flow); Fedkiw, Stam & Jensen 2001, appendix B
(limited cubics). Cell centres are traced back by the midpoint rule, d = dt u(x - dt u(x) / 2); the
trace of a face is the mean of those of its cells.
"""

from __future__ import annotations

from types import ModuleType

import torch
from torch import Tensor

from fluidsim.flow.values import top_component
from fluidsim.grid.grid import Grid
from fluidsim.grid.halo import Halo
from fluidsim.grid.plain import are_plain, are_recorded
from fluidsim.smoke import (
    advection_adjoint,
    advection_gpu,
    advection_kernels,
    advection_torch,
)

METHODS = ("cubic", "semi-lagrangian")


class Advection:
    """Advects face fields along a velocity field; keeps the traces between calls.

    method: "cubic", limited to the range of the values around, or "semi-lagrangian" (linear).
    """

    def __init__(self, grid: Grid, device: torch.device, method: str = "cubic"):
        if method not in METHODS:
            raise ValueError(f"no advection method {method!r}; choose one of {', '.join(METHODS)}")
        self.grid = grid
        self._sharp = method == "cubic"
        self._back = grid.zeros(device, grid.dim)
        self._halo: Halo | None = None
        self._spare: Tensor | None = None

    def trace(self, velocity: Tensor, dt: float) -> None:
        """Trace back along the flow for `dt` seconds; call this before `faces`.

        velocity: (dim, *nodes), m/s.
        """
        grid, step = self.grid, dt / self.grid.dx
        if grid.periodic:
            self._halo = Halo.around(grid, top_component(velocity) * step)
            velocity, grid = self._halo.widen(velocity), self._halo.wide
        if self._halo is not None or are_recorded(velocity, self._back):
            self._back = torch.zeros_like(velocity)
        _steps_for(velocity).trace(velocity, self._back, grid, step)

    def faces(self, field: Tensor, out: Tensor | None = None) -> Tensor:
        """The face field (dim, *nodes) advected along the traced flow.

        out: another such field for the result, if torch records nothing; its stored points beyond
        the grid stay as they are.
        """
        if self._halo is not None:
            return self._faces_of_ring(field, out, self._halo)
        return self._carried(field, out, self.grid)

    def used_up(self, field: Tensor) -> Tensor:
        """As `faces`; the memory of the field serves the next call, unless torch records what is
        done with it."""
        recorded = are_recorded(field, self._back)
        carried = self.faces(field, None if recorded else self._spare)
        self._spare = None if recorded else field
        return carried

    def _carried(self, field: Tensor, out: Tensor | None, grid: Grid) -> Tensor:
        steps = _steps_for(field, self._back)
        if steps is advection_adjoint:
            return advection_adjoint.faces(field, self._back, grid, self._sharp)
        out = torch.zeros_like(field) if out is None else out
        carry = steps.carry_sharply if self._sharp else steps.carry
        for axis in range(grid.dim):
            carry(field[axis], self._back, out[axis], axis, grid)
        return out

    def _faces_of_ring(self, field: Tensor, out: Tensor | None, halo: Halo) -> Tensor:
        grid = self.grid
        out = torch.zeros_like(field) if out is None else out
        carried = halo.crop(self._carried(halo.widen(field), None, halo.wide))
        for axis in range(grid.dim):
            grid.faces(out, axis).copy_(grid.faces(carried, axis))
        grid.join(out)
        return out


def _steps_for(*fields: Tensor) -> ModuleType:
    """The module whose steps serve fields of this kind, on this device."""
    on_cpu = fields[0].device.type == "cpu"
    if are_plain(*fields):
        return advection_kernels if on_cpu else advection_gpu
    return advection_adjoint if on_cpu and are_recorded(*fields) else advection_torch
