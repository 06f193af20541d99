"""Sources of smoke with a velocity: they blow like fans in ducts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fluidsim.flow.imposed import Imposed, refuse_trapped_flow
from fluidsim.smoke.options import Source
from fluidsim.solid.images import repeated
from fluidsim.solid.solids import Solids


class Fans:
    """Those of some sources that have a velocity."""

    def __init__(self, sources: Sequence[Source], solids: Solids) -> None:
        """Raises ValueError if a velocity has the wrong number of components."""
        grid = solids.grid
        centres = grid.cell_positions(solids.device)
        self.sources = tuple(sources)
        self.solids = solids
        self._fans = []
        for source in sources:
            if source.velocity is None:
                continue
            if len(source.velocity) != grid.dim:
                raise ValueError(f"the velocity of a source needs {grid.dim} components")
            cells = grid.cells(repeated(source.shape, grid).distance(centres) < 0)
            self._fans.append((cells, source.velocity, source.acts))
        self._made_of: list[bool] = []
        self._imposed: Imposed | None = None

    def changed(self, number: int, source: Source) -> Fans:
        """With another source in the place of one; raises IndexError if there is no such source."""
        sources = list(self.sources)
        sources[number] = source
        return Fans(sources, self.solids)

    def forget(self) -> None:
        """Find anew what they impose."""
        self._imposed = None

    def refuse_trapped_flow(self, time: float) -> None:
        """Raise ValueError if they or inlets blow into a part of the domain that has no way out."""
        fluid = self.solids.grid.cells(self.solids.solid) == 0
        refuse_trapped_flow(fluid, self.imposed(time), self.solids)

    def blow(self, velocity: Tensor, time: float) -> None:
        """Set the faces (dim, *nodes) on which they impose their velocities at `time`, s."""
        imposed = self.imposed(time)
        if imposed is not None:
            imposed.set(velocity)

    def imposed(self, time: float) -> Imposed | None:
        """The velocities that they impose on faces of cells whose centre they cover, or None."""
        blowing = [blows(time) for *_, blows in self._fans]
        if not any(blowing):
            return None
        if self._imposed is None or blowing != self._made_of or self.solids.moving:
            fluid = self.solids.grid.cells(self.solids.solid) == 0
            blown = [
                (torch.logical_and(cells, fluid), velocity)
                for (cells, velocity, _), acts in zip(self._fans, blowing, strict=True)
                if acts
            ]
            self._imposed = Imposed.in_cells(blown, self.solids)
            self._made_of = blowing
        return self._imposed
