"""What the workspaces of CPU kernels share: the pressure as padded rows."""

from __future__ import annotations

from torch import Tensor

from solvers.floating import FloatingComponents
from solvers.row_layout import RowLayout


class RowSpace:
    """The part of a `pcg.Workspace` that holds b and x as the rows of a `RowLayout`.

    rhs, guess: float64 on the CPU, shape of the grid; x starts from 0 when the guess is None.
    """

    def __init__(
        self, layout: RowLayout, floating: FloatingComponents, rhs: Tensor, guess: Tensor | None
    ) -> None:
        self.layout, self.floating = layout, floating
        self.b = rhs.contiguous().numpy().reshape(layout.active.shape)
        self.x = layout.padded_zeros() if guess is None else layout.padded(guess)

    def remove_means(self) -> None:
        self.x = self.layout.padded(self.floating.remove_means(self.pressure()))

    def keep(self) -> None:
        self.kept = self.x.copy()

    def revert(self) -> None:
        self.x = self.kept

    def pressure(self) -> Tensor:
        """x as a grid tensor, float64; a copy."""
        return self.layout.to_grid(self.x)
