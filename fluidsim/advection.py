"""Advection on the grid: semi-Lagrangian and sharper, faces and cells, 2D and 3D.

Stam 1999, "Stable fluids" (tracing back along the flow); Selle et al. 2008, "An unconditionally
stable MacCormack method" (correction by tracing forth again, clamped to the values it came from).
Traces start in the cells, those of a face are the mean of its cells'. Back they use the midpoint
rule, d = dt u(x - dt u(x) / 2); forth they are 2 dt u(x) - d, the same to third order in dt.
Cell fields are interpolated by limited cubics instead (after Fedkiw, Stam & Jensen 2001, appendix
B): in one pass, and sharper than the correction.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fluidsim import advection_kernels, advection_torch
from fluidsim.advection_torch import CELLS
from fluidsim.solids import Solids

METHODS = ("maccormack", "semi-lagrangian")
FAR = 1e9  # cells: beyond everything


class Advection:
    """Carries fields along a velocity field; keeps the work arrays between steps.

    method: "maccormack", with cubics for the cells, or "semi-lagrangian".
    """

    def __init__(self, solids: Solids, method: str = "maccormack"):
        if method not in METHODS:
            raise ValueError(f"no advection method {method!r}; there are {', '.join(METHODS)}")
        grid, device = solids.grid, solids.device
        self.grid = grid
        self.corrected = method == "maccormack"
        self._do = advection_kernels if device.type == "cpu" else advection_torch
        self._rims = (
            [0.0 if solids.is_open(k, False) else -FAR for k in range(grid.dim)],
            [float(n) if solids.is_open(k, True) else FAR for k, n in enumerate(grid.shape)],
        )
        self._back, self._forth = (grid.zeros(device, grid.dim) for _ in range(2))
        self._made = [grid.zeros(device) for _ in range(3)]

    def trace(self, velocity: Tensor, dt: float) -> None:
        """Find where the flow comes from and where it goes in `dt` seconds; call this first.

        velocity: (dim, *nodes), m/s.
        """
        self._do.trace(velocity, self._back, self._forth, self.grid, dt / self.grid.dx)

    def faces(self, field: Tensor, out: Tensor | None = None) -> Tensor:
        """The face field (dim, *nodes) carried along the flow that was traced.

        out: another such field that takes the result; stored points beyond the grid keep theirs.
        """
        out = torch.zeros_like(field) if out is None else out
        for axis in range(self.grid.dim):
            self._carry(field[axis], out[axis], axis)
        return out

    def cells(self, field: Tensor, out: Tensor | None = None) -> Tensor:
        """The cell fields (components, *nodes) likewise; what comes in at open sides is 0."""
        out = torch.zeros_like(field) if out is None else out
        for values, result in zip(field, out, strict=True):
            if self.corrected:
                self._do.carry_sharply(values, self._back, result, self._rims, self.grid)
            else:
                self._carry(values, result, CELLS)
        return out

    def _carry(self, field: Tensor, out: Tensor, axis: int) -> None:
        made = self._made if self.corrected else [out, *self._made[1:]]
        self._do.predict(field, self._back, made, axis, self._rims, self.grid)
        if self.corrected:
            self._do.correct(field, self._forth, made, out, axis, self._rims, self.grid)
