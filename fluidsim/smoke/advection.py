"""Semi-Lagrangian advection of the velocity on the faces, in 2D and 3D.

Stam 1999, "Stable fluids" (tracing back along the flow); Fedkiw, Stam & Jensen 2001, appendix B
(limited cubics). Cell centres are traced back by the midpoint rule, d = dt u(x - dt u(x) / 2); the
trace of a face is the mean of those of its cells.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim.grid.grid import Grid
from fluidsim.grid.halo import Halo
from fluidsim.smoke import advection_gpu, advection_kernels

METHODS = ("cubic", "semi-lagrangian")


class Advection:
    """Advects face fields along a velocity field; keeps the traces between calls.

    method: "cubic", limited to the range of the values around, or "semi-lagrangian" (linear).
    """

    def __init__(self, grid: Grid, device: torch.device, method: str = "cubic"):
        if method not in METHODS:
            raise ValueError(f"no advection method {method!r}; choose one of {', '.join(METHODS)}")
        self.grid = grid
        self._do = advection_kernels if device.type == "cpu" else advection_gpu
        self._carry = self._do.carry_sharply if method == "cubic" else self._do.carry
        self._back = grid.zeros(device, grid.dim)
        self._halo: Halo | None = None

    def trace(self, velocity: Tensor, dt: float) -> None:
        """Trace back along the flow for `dt` seconds; call this before `faces`.

        velocity: (dim, *nodes), m/s.
        """
        grid, step = self.grid, dt / self.grid.dx
        if grid.periodic:
            self._halo = Halo.around(grid, float(velocity.abs().amax()) * step)
            velocity, grid = self._halo.widen(velocity), self._halo.wide
            self._back = torch.zeros_like(velocity)
        self._do.trace(velocity, self._back, grid, step)

    def faces(self, field: Tensor, out: Tensor | None = None) -> Tensor:
        """The face field (dim, *nodes) advected along the traced flow.

        out: another such field for the result; its stored points beyond the grid stay as they are.
        """
        out = torch.zeros_like(field) if out is None else out
        if self._halo is not None:
            return self._faces_of_ring(field, out, self._halo)
        for axis in range(self.grid.dim):
            self._carry(field[axis], self._back, out[axis], axis, self.grid)
        return out

    def _faces_of_ring(self, field: Tensor, out: Tensor, halo: Halo) -> Tensor:
        wide, grid = halo.widen(field), self.grid
        carried = torch.zeros_like(wide)
        for axis in range(grid.dim):
            self._carry(wide[axis], self._back, carried[axis], axis, halo.wide)
            grid.faces(out, axis).copy_(grid.faces(halo.crop(carried), axis))
        grid.join(out)
        return out
