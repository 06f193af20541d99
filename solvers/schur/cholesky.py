"""The Cholesky factor of a pressure system on the CPU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from solvers.pool import Pool
from solvers.schur import elimination, substitution
from solvers.schur.blas import addresses, one_thread
from solvers.schur.fronts import PIVOTS, REMAINING, TWIN, Fronts
from solvers.schur.memory import require
from solvers.schur.tree import Tree

# Boxes with at least this many live rows are eliminated one by one, each on all threads: on levels
# of fewer than _FEW boxes, and on all others, where boxes alone keep some threads busy.
_LARGE = (384, 1536)
_FEW = 4
# A pivot no larger than its rounding error is doubtful: in units of eps times its diagonal entry.
_DOUBTFUL = 4.0

Buffers = tuple[np.ndarray, np.ndarray, np.ndarray]
_POOL: Pool[tuple[int, int, str], Buffers] = Pool()


@dataclass(frozen=True, eq=False)
class CholeskyFactor:
    """A = L L^T in float64 or float32 on the fronts of a tree.

    panels: the rows of L. scale: power of two by which the matrix was multiplied.
    boxes, starts: the boxes with active cells, level by level.
    doubtful: number of pivots lost to rounding and replaced by the diagonal; if there are any, the
        factor only approximates A.
    """

    tree: Tree
    fronts: Fronts
    panels: np.ndarray
    scale: float
    boxes: np.ndarray
    starts: np.ndarray
    doubtful: int

    @classmethod
    def of(cls, tree: Tree, coefficients: Tensor, dtype: torch.dtype) -> CholeskyFactor:
        """Factor a definite matrix: coefficients float64 (1 + dim, nodes) on the CPU.

        Raises MemoryError if the factor would not fit.
        """
        values = coefficients.numpy()
        fronts = Fronts.of(tree, values)
        kind = np.dtype(np.float64 if dtype == torch.float64 else np.float32)
        key = (fronts.panel_size, fronts.update_size, kind.str)
        buffers = _POOL.take(key, lambda: _allocate(fronts, kind))
        panels, *levels = buffers
        scale = float(2.0 ** -np.floor(np.log2(values[0].max())))
        doubtful = np.zeros(elimination.PARTS, dtype=np.int64)
        matrix = (values, scale, _DOUBTFUL * float(np.finfo(kind).eps))
        constants = (matrix, addresses(kind), panels)
        tables = fronts.tables
        rows = tables.boxes[:, PIVOTS] + tables.boxes[:, REMAINING]
        with one_thread():
            for depth, boxes in enumerate(fronts.order):
                below, updates = levels[(depth + 1) % 2], levels[depth % 2]
                is_large = rows[boxes] >= _LARGE[len(boxes) >= _FEW]
                arguments = (tables, *constants, below, updates, doubtful)
                if not is_large.all():
                    elimination.eliminate_small(boxes[~is_large], *arguments)
                for box in boxes[is_large]:
                    elimination.eliminate_large(box, *arguments)
        busy = np.flatnonzero(tables.boxes[:, TWIN] >= 0)
        factor = cls(
            tree=tree,
            fronts=fronts,
            panels=panels,
            scale=scale,
            boxes=busy,
            starts=np.searchsorted(busy, tree.levels),
            doubtful=int(doubtful.sum()),
        )
        _POOL.give_back_after(factor, key, buffers)
        return factor

    def solve(self, rhs: Tensor) -> Tensor:
        """A^-1 rhs: float64, the shape of the grid, 0 in inactive cells."""
        largest = float(rhs.abs().max())
        if largest == 0.0:
            return torch.zeros_like(rhs)
        v = np.zeros(self.tree.nodes, dtype=self.panels.dtype)
        v[self.tree.cells] = (rhs * (1.0 / largest)).numpy()
        vectors = np.empty(self.fronts.vector_size, dtype=v.dtype)
        substitution.substitute(
            self.fronts.tables, self.boxes, self.starts, self.panels, vectors, v.reshape(-1)
        )
        return torch.from_numpy(v[self.tree.cells]).double() * (self.scale * largest)


def _allocate(fronts: Fronts, kind: np.dtype) -> Buffers:
    """Once the factor before has been given back: only then is it known what is free."""
    require(fronts.bytes(kind.itemsize), torch.device("cpu"))
    panels, updates = fronts.panel_size, fronts.update_size
    return np.empty(panels, kind), np.empty(updates, kind), np.empty(updates, kind)
