"""The vectors of the multigrid CG on packed levels: the CPU's `pcg.Workspace`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from solvers.floating import FloatingComponents
from solvers.krylov.row_space import RowSpace
from solvers.multigrid import kernels, vectors
from solvers.multigrid.packed_levels import Hierarchy
from solvers.row_layout import RowLayout

COARSEST_SWEEPS = 4
# The true residual is recomputed when that of the packed CG has fallen by this factor: with weights
# that float32 may round, and with uniform ones.
RENEWAL = (1e-2, 1e-6)
# CG restarts when the true residual is larger than the recurrence says by more than this factor.
DRIFT = 1.1
# The loop ends after a renewal that has not at least halved the true residual.
PROGRESS = 0.5


class PackedSpace(RowSpace):
    """The vectors of the loop for kernels, on black cells only; see `solvers.multigrid.vectors`.

    When the norm of r has fallen by RENEWAL, the correction found so far is added to x, and r is
    recomputed from it (Clark et al., Comput. Phys. Commun. 181 (2010), section 5).

    rhs, guess: float64, shape of the grid. factors: over-relaxation, see `kernels.cycle`.
    scale: ratio of r to the true residual. target: norm of the true residual at which the loop
        ends, so that no further V-cycle is needed.
    """

    def __init__(
        self,
        layout: RowLayout,
        hierarchy: Hierarchy,
        floating: FloatingComponents,
        rhs: Tensor,
        guess: Tensor | None,
        factors: np.ndarray,
        scale: float,
        target: float,
    ) -> None:
        super().__init__(layout, floating, rhs, guess)
        self.hierarchy, self.factors = hierarchy, factors
        self.scale, self.target = scale, target
        own = self.hierarchy.buffers
        self.level = self.hierarchy.table[0]
        self.cuts = self.hierarchy.cuts[0]
        self.spans = self.hierarchy.spans[: self.cuts[-1]]
        weights = kernels.couplings(own.lower, self.level)
        self.cells = (weights, self.level, self.spans, self.cuts)
        self.renewal = RENEWAL[int(self.level[kernels.UNIFORM])]
        self.inverse = kernels.values(own.inverse, self.level)
        self.packed_b = kernels.values(own.b, self.level)
        self.z = kernels.values(own.x, self.level)[kernels.BLACK]
        self.r = self.packed_b[kernels.BLACK]
        self.p, self.q, self.red = own.p, own.q, own.red
        self.correction, self.red_x = own.correction, own.red_x
        self.x_is_zero = guess is None
        self.is_renewed = self.is_corrected = False
        self.sums = np.zeros(len(self.spans))
        torch.from_numpy(self.correction).zero_()

    def start(self) -> tuple[float, float]:
        if not self.is_renewed:
            self._renew()
        if self.norm > self.target and self._reduced_norm() <= self.target:
            self.is_corrected = True  # in the red cells alone
            self._renew()
        if self.norm <= self.target:
            return 0.0, self.norm
        rz = self._precondition()
        self.p[:] = self.z
        return rz, self.norm

    def product(self) -> float:
        self._satisfy_red(self.packed_b[kernels.RED], self.p)
        inverse = self.inverse[kernels.BLACK]
        vectors.product(self.q, self.p, self.red_x, inverse, *self.cells, self.sums)
        return float(self.sums.sum())

    def advance(self, alpha: float) -> tuple[float, float]:
        vectors.step(self.correction, self.p, self.r, self.q, alpha, self.spans, self.sums)
        self.is_renewed, self.is_corrected, self.is_adrift = False, True, False
        self.norm = float(self.sums.sum()) ** 0.5 / self.scale
        if self.norm <= max(self.target, self.renewal * self.renewed_norm):
            claimed, before = self.norm, self.renewed_norm
            self._renew()
            self.is_adrift = self.norm > DRIFT * claimed
            if self.norm > PROGRESS * before:
                return 0.0, self.norm  # rounding dominates: end the cycle
        if self.norm <= self.target:
            return 0.0, self.norm
        return self._precondition(), self.norm

    def turn(self, beta: float) -> None:
        vectors.turn(self.p, self.z, 0.0 if self.is_adrift else beta, self.spans)

    def remove_means(self) -> None:
        super().remove_means()
        self.is_renewed = False

    def keep(self) -> None:
        self.kept = None if self.x_is_zero else self.x.copy()

    def revert(self) -> None:
        self.x = self.layout.padded_zeros() if self.kept is None else self.kept

    def _reduced_norm(self) -> float:
        """The norm of r once the red cells satisfy their equations."""
        vectors.dot(self.r, self.r, self.spans, self.sums)
        return float(self.sums.sum()) ** 0.5 / self.scale

    def _precondition(self) -> float:
        """z = V-cycle of r; (r, z)."""
        self.hierarchy.cycle(self.factors, COARSEST_SWEEPS)
        vectors.dot(self.r, self.z, self.spans, self.sums)
        return float(self.sums.sum())

    def _satisfy_red(self, b: np.ndarray, black: np.ndarray) -> None:
        inverse = self.inverse[kernels.RED]
        vectors.satisfy_red(self.red_x, b, inverse, black, *self.cells)

    def _renew(self) -> None:
        """Add the correction to x and recompute the residual."""
        own, rows = self.hierarchy.buffers, self.layout.spans
        if self.is_corrected:
            self._satisfy_red(self.red, self.correction)
            unscale = self.hierarchy.scale / self.scale
            vectors.add_joined(self.x, unscale, self.red_x, self.correction, self.level, rows)
            torch.from_numpy(self.correction).zero_()
            self.x_is_zero = self.is_corrected = False
        residual = self.b if self.x_is_zero else own.residual
        if not self.x_is_zero:
            norm = self.layout.residual(self.b, self.x, residual) ** 0.5
            if norm > self.target:  # rounding may have left means
                on_grid = torch.from_numpy(residual.reshape(self.layout.shape))
                residual = self.floating.remove_means(on_grid).numpy().reshape(self.b.shape)
        sums = np.zeros(len(rows))
        vectors.split(residual, self.scale, self.red, self.r, self.level, rows, sums)
        self.norm = self.renewed_norm = float(sums.sum()) ** 0.5
        if self.norm > self.target:
            vectors.eliminate(self.r, self.red, self.red_x, self.inverse, *self.cells)
        self.is_renewed = True
