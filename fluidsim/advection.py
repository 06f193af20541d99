"""Advection on the grid: semi-Lagrangian and sharper, faces and cells, 2D and 3D.

Stam 1999, "Stable fluids" (tracing back along the flow); Selle et al. 2008, "An unconditionally
stable MacCormack method" (correction by tracing forth again, clamped to the values it came from).
Traces start in the cells, those of a face are the mean of its cells'. Back they use the midpoint
rule, d = dt u(x - dt u(x) / 2); forth they are 2 dt u(x) - d, the same to third order in dt.
Cell fields are interpolated by limited cubics instead (after Fedkiw, Stam & Jensen 2001, appendix
B): in one pass, and sharper than the correction.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fluidsim import scheduling
from fluidsim.advection_kernels import CELLS, kernels
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
        self.kernels = kernels(grid.dim, scheduling.for_device(device))
        self._geometry = self._layout(solids)
        self._back, self._forth = (grid.zeros(device, grid.dim).view(-1) for _ in range(2))
        self._predicted, self._lowest, self._highest = (
            torch.empty(0, device=device) for _ in range(3)
        )

    def trace(self, velocity: Tensor, dt: float) -> None:
        """Find where the flow comes from and where it goes in `dt` seconds; call this first.

        velocity: (dim, *nodes), m/s.
        """
        grid, ivec = self.grid, self.kernels.ivec
        self.kernels.trace(
            velocity.view(-1), self._back, self._forth, ivec(*grid.shape), ivec(*grid.strides),
            grid.node_count, dt / grid.dx,
        )  # fmt: skip

    def faces(self, field: Tensor, out: Tensor | None = None) -> Tensor:
        """The face field (dim, *nodes) carried along the flow that was traced.

        out: another such field that takes the result; stored points beyond the grid keep theirs.
        """
        out = torch.zeros_like(field) if out is None else out
        for axis in range(self.grid.dim):
            self._carry(field[axis : axis + 1], out[axis : axis + 1], axis)
        return out

    def cells(self, field: Tensor, out: Tensor | None = None) -> Tensor:
        """The cell fields (components, *nodes) likewise; what comes in at open sides is 0."""
        out = torch.zeros_like(field) if out is None else out
        if self.corrected:
            self.kernels.carry_sharply(
                field.view(-1), self._back, out.view(-1), field.shape[0], *self._geometry
            )
        else:
            self._carry(field, out, CELLS)
        return out

    def _layout(self, solids: Solids) -> tuple[Any, ...]:
        """What the kernels are told of the grid; where cells count as beyond its open sides."""
        grid, ivec, vec = self.grid, self.kernels.ivec, self.kernels.vec
        low = [0.0 if solids.is_open(k, False) else -FAR for k in range(grid.dim)]
        high = [float(n) if solids.is_open(k, True) else FAR for k, n in enumerate(grid.shape)]
        return ivec(*grid.shape), ivec(*grid.strides), vec(*low), vec(*high), grid.node_count

    def _carry(self, field: Tensor, out: Tensor, axis: int) -> None:
        geometry = (field.shape[0], axis, *self._geometry)
        if self._lowest.numel() < field.numel():
            self._predicted, self._lowest, self._highest = (
                torch.zeros_like(field).view(-1) for _ in range(3)
            )
        old, result = field.view(-1), out.view(-1)
        predicted = self._predicted if self.corrected else result
        limits = self._lowest, self._highest
        self.kernels.predict(old, self._back, predicted, *limits, *geometry)
        if self.corrected:
            self.kernels.correct(old, self._forth, predicted, *limits, result, *geometry)
