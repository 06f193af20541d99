"""Sources of smoke with a velocity: they blow like fans in ducts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from fluidsim.flow.imposed import Imposed
from fluidsim.solid.shapes import Shape, Vector
from fluidsim.solid.solids import Solids


class Fans:
    """A set of fans: for each its shape, its velocity (m/s), and whether it blows at a time (s)."""

    def __init__(
        self, fans: Sequence[tuple[Shape, Vector, Callable[[float], bool]]], solids: Solids
    ) -> None:
        """Raises ValueError if a velocity has the wrong number of components."""
        grid = solids.grid
        centres = grid.cell_positions(solids.device)
        self.solids = solids
        self._fans = []
        for shape, velocity, blows in fans:
            if len(velocity) != grid.dim:
                raise ValueError(f"the velocity of a source needs {grid.dim} components")
            cells = grid.cells(shape.distance(centres) < 0)
            self._fans.append((cells, velocity, blows))
        self._made_of: list[bool] = []
        self._imposed: Imposed | None = None

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
