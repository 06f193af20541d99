"""What a solver is: options, a state that `setup` returns, and an outcome of `solve`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from torch import Tensor

from solvers.system import PoissonSystem


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a solver hands back to the gate, which judges it.

    pressure: float64, the shape of the grid, 0 in inactive cells.
    iterations: steps taken, in the sense of the solver.
    history: relative residual norms as the solver saw them, entry i after i steps; nan for steps
        after which it did not look.
    notes: what the user should know of how it was reached, in one line; "" when all went well.
    """

    pressure: Tensor
    iterations: int
    history: list[float]
    notes: str = ""


class Solver(Protocol):
    """A frozen dataclass of options; it remembers nothing between calls.

    `setup` may cost: its state serves any number of right-hand sides of the same system. Through
    the gate, `solve` receives a float64 rhs that is finite, not zero, 0 in inactive cells and
    free of means on floating components; guess (or None) is float64, finite, 0 in inactive cells
    and free of means as well. A class with `wraps = True` takes systems with periodic axes itself;
    for others the gate cuts these open (`solvers.periodic`).
    """

    name: ClassVar[str]

    def setup(self, system: PoissonSystem) -> Any: ...

    def solve(self, state: Any, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome: ...
