"""Values of the smoke continued into solids, for interpolation near them."""

from __future__ import annotations

from torch import Tensor

from fluidsim.flow.extrapolation import Continuation, levels_beside, levels_of
from fluidsim.solid.solids import Solids

SOLID_LAYERS = 2  # cells of a solid into which values are continued


class InsideSolids:
    """Gives solid cells, and the faces between them, the values of the smoke beside them."""

    def __init__(self, solids: Solids) -> None:
        self.solids = solids
        self._found: tuple[Continuation, Continuation] | None = None

    def forget(self) -> None:
        """Find anew where solids are."""
        self._found = None

    def fill_cells(self, values: Tensor) -> None:
        """Fill a field of cells (*nodes), in place."""
        found = self._continuations()
        if found is not None:
            found[0].apply(values)

    def fill_faces(self, values: Tensor) -> None:
        """Fill a field of faces (dim, *nodes), in place."""
        found = self._continuations()
        if found is not None:
            found[1].apply(values)

    def _continuations(self) -> tuple[Continuation, Continuation] | None:
        """Those of cells and of faces; None without solids."""
        solids, grid = self.solids, self.solids.grid
        if self._found is None and (solids.static is not None or solids.moving):
            smoke = grid.cells(solids.solid) == 0
            kept = (solids.open > 0) | solids.walls
            self._found = (
                Continuation.of(levels_of(smoke, 1, grid), SOLID_LAYERS, grid),
                Continuation.of(levels_beside(smoke, kept, grid), SOLID_LAYERS, grid),
            )
        return self._found
