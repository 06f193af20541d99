"""The vectors of the multigrid CG on the GPU."""

# pyright: reportIndexIssue=false

from __future__ import annotations

import torch
from torch import Tensor

from solvers.krylov.vector_space import first_guess
from solvers.multigrid import triton_kernels as kernels
from solvers.multigrid.triton_levels import TritonHierarchy
from solvers.system import PoissonSystem


class TritonSpace:
    """A `pcg.Workspace` of Triton kernels: x, r, p and q in float64, z in float32.

    scale: applied to residuals before the V-cycle. target: norm of the residual that ends the loop.
    """

    def __init__(
        self,
        system: PoissonSystem,
        hierarchy: TritonHierarchy,
        rhs: Tensor,
        guess: Tensor | None,
        scale: float,
        target: float,
    ) -> None:
        self.system, self.graphs, self.target = system, hierarchy.graphs, target
        self.rhs, self.x = rhs.contiguous(), first_guess(rhs, guess).contiguous()
        self.r, self.p, self.q = (torch.zeros_like(self.rhs) for _ in range(3))
        self.b, self.z = self.graphs.levels[0].b, self.graphs.levels[0].x
        cells = self.graphs.cells
        self.programs, self.tiles = cells.programs, cells.tiles
        self.shape, self.tile = cells.shape, cells.tile
        self.sums = self.rhs.new_zeros(len(cells.tiles))
        self.numbers = self.rhs.new_tensor([0.0, scale])  # alpha or beta, scale

    def start(self) -> tuple[float, float]:
        self._multiply(self.x)
        self.r.copy_(self.rhs - self.q)
        sums = self.advance(0.0)
        if sums[1] > self.target:
            self.p.copy_(self.z.view_as(self.p))
        return sums

    def product(self) -> float:
        self._multiply(self.p)
        return float(self.sums.sum())

    def advance(self, alpha: float) -> tuple[float, float]:
        self.numbers[0] = alpha
        kernels.advance[self.programs](
            self.x, self.r, self.p, self.q, self.b, self.numbers, self.tiles, self.sums,
            *self.shape, **self.tile,
        )  # fmt: skip
        norm = float(self.sums.sum().sqrt())
        if norm <= self.target:
            return 0.0, norm
        self.graphs.cycle()
        kernels.inner[self.programs](
            self.r, self.z, self.tiles, self.sums, *self.shape, **self.tile
        )
        return float(self.sums.sum()), norm

    def turn(self, beta: float) -> None:
        self.numbers[0] = beta
        kernels.turn[self.programs](
            self.p, self.z, self.numbers, self.tiles, *self.shape, **self.tile
        )

    def remove_means(self) -> None:
        self.x = self.system.floating.remove_means(self.x)

    def keep(self) -> None:
        self.kept = self.x.clone()

    def revert(self) -> None:
        self.x = self.kept

    def pressure(self) -> Tensor:
        """x on the grid of the system."""
        return self.x

    def _multiply(self, v: Tensor) -> None:
        """q = A v."""
        cells = self.graphs.cells
        kernels.product[self.programs](
            v, self.q, self.graphs.held, *cells.lower, cells.usual, self.tiles, self.sums,
            *self.shape, **self.tile,
        )  # fmt: skip
