"""How much memory solvers take, before they take it.

The peak of a setup and the solves that follow, in the CPU's memory, is a sum of what lies in the
box, of what belongs to an unknown, and of the entries of a factor: n log n in 2D (George 1973), in
3D a power of n, which is 4/3 in nested orders (Lipton, Rose & Tarjan 1979) and larger in orders of
minimum degree. The numbers are fitted to resident memory; `python -m fluidsim.figures
docs/figures.md memory` compares them with runs. `direct` is taken for SuperLU, which needs the most
of its libraries, and `amgcl` for a little less than `amg`: these were not measured.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Cost(NamedTuple):
    """Bytes a cell of the box, bytes an unknown, and bytes for each entry of a factor of n
    unknowns, n log2 n or n^power."""

    cell: float
    unknown: float
    entry: float = 0.0
    power: float | None = None

    def bytes(self, cells: int, unknowns: int) -> float:
        """Of a system with so many unknowns in a box of so many cells."""
        n = max(unknowns, 2)
        entries = n * math.log2(n) if self.power is None else n**self.power
        return self.cell * cells + self.unknown * unknowns + self.entry * entries


# In 2D and in 3D.
_COSTS = {
    "multigrid": (Cost(75, 0), Cost(65, 0)),
    "auto": (Cost(225, 280), Cost(195, 350)),
    "cg": (Cost(50, 0), Cost(50, 0)),
    "ic": (Cost(60, 280), Cost(60, 350)),
    "sor": (Cost(50, 0), Cost(50, 0)),
    "amg": (Cost(40, 560), Cost(40, 640)),
    "amgcl": (Cost(40, 500), Cost(40, 600)),
    "petsc": (Cost(40, 440), Cost(40, 610)),
    "recycling": (Cost(100, 800), Cost(100, 870)),
    "npsdo": (Cost(130, 0), Cost(110, 0)),
    "npsdo-paper": (Cost(520, 0), Cost(500, 0)),
    "fluidnet": (Cost(490, 0), Cost(590, 0)),
    "dcdm": (Cost(620, 0), Cost(620, 0)),
    "mgno": (Cost(1250, 0), Cost(800, 0)),
    "schur": (Cost(0, 0, 62), Cost(300, 0, 145, 4 / 3)),
    "direct": (Cost(40, 0, 60), Cost(40, 0, 4.5, 1.7)),
}
_HALF = "precision=float32"  # of a factor, as an option of schur


def needed(solver: str, dim: int, cells: int, unknowns: int) -> float:
    """Bytes that a solver takes at its peak, beside the system itself.

    Parameters
    ----------
    solver : str
        A name, options included. One that is not of this package counts as `multigrid`.
    dim : int
        2 or 3.
    cells : int
        Cells of the box.
    unknowns : int
        Active cells.

    Returns
    -------
    float
        An estimate within about 30 %. `schur` in 2D takes as little as a quarter of it where parts
        of the domain are alike, which share their factors.
    """
    name, _, options = solver.partition(":")
    cost = _COSTS.get(name, _COSTS["multigrid"])[dim - 2]
    if _HALF in options.split(","):
        cost = cost._replace(entry=cost.entry / 2)
    return cost.bytes(cells, unknowns)
