"""A system dealt to ranks by slabs: planes across the first axis, and the rows of their cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch

from solvers.nullspace import pinned_rows, tie
from solvers.system import PoissonSystem


@dataclass(frozen=True, eq=False)
class Slabs:
    """Which planes and which rows each rank has.

    Attributes
    ----------
    system : PoissonSystem
        The whole.
    planes : ndarray, int64, (ranks + 1,)
        Rank r has the planes planes[r] .. planes[r + 1] - 1.
    starts : ndarray, int64, (cells along the first axis + 1,)
        The first row of each plane, and the number of all rows.
    """

    system: PoissonSystem
    planes: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, system: PoissonSystem, ranks: int) -> Slabs:
        """Deal planes to ranks, with as equal numbers of unknowns as whole planes allow."""
        counts = system.active.flatten(1).sum(dim=1).cpu().numpy()
        starts = np.concatenate([[0], np.cumsum(counts)])
        shares = starts[-1] * np.arange(1, ranks) / ranks
        above = np.searchsorted(starts, shares)
        nearer = shares - starts[above - 1] < starts[above] - shares
        cuts = np.where(nearer, above - 1, above)
        return cls(system, np.concatenate([[0], cuts, [len(counts)]]), starts)

    @property
    def rows(self) -> np.ndarray:
        """The first row of each rank, and the number of all rows; (ranks + 1,)."""
        return self.starts[self.planes]

    def matrix(self, rank: int) -> sp.csr_matrix:
        """The rows of a rank in the system's definite matrix, (own rows, all rows).

        Made from the slab and the planes beside it alone.
        """
        system, (begin, end) = self.system, self.planes[rank : rank + 2]
        first, last = self.rows[rank : rank + 2]
        own = int(last - first)
        if not own:
            return sp.csr_matrix((0, int(self.starts[-1])))
        planes = torch.arange(begin - 1, end + 1, device=system.device)
        if system.periodic[0]:
            planes = planes % system.shape[0]
        else:
            planes = planes[(planes >= 0) & (planes < system.shape[0])]
        faces = torch.cat([planes, planes[-1:] + 1])
        weights = (system.face_weights[0][faces], *(w[planes] for w in system.face_weights[1:]))
        slab = PoissonSystem(weights, system.active[planes], (False, *system.periodic[1:]))
        square = slab.to_scipy()[0]
        beside = int(np.diff(self.starts)[planes[0]]) if int(planes[0]) != begin else 0
        tied = pinned_rows(system)
        tied = tied[(tied >= first) & (tied < last)]
        tie(square, tied - first + beside)
        numbers = np.concatenate([np.arange(*self.starts[p : p + 2]) for p in planes.tolist()])
        rows = square[beside : beside + own]
        rows = sp.csr_matrix(
            (rows.data, numbers[rows.indices], rows.indptr), shape=(own, int(self.starts[-1]))
        )
        rows.sort_indices()
        return rows
