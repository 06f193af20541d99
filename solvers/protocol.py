"""The interface of a solver: options, a state from `setup`, and an outcome from `solve`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from torch import Tensor

from solvers.system import PoissonSystem


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a solver returns to `solvers.solve`, which checks it.

    Attributes
    ----------
    pressure : Tensor, float64, shape of the grid
        Pressure in Pa, 0 in inactive cells.
    iterations : int
        Iterations taken, in the solver's own sense.
    history : list of float
        Relative residual norms as the solver computed them, entry i after i iterations; nan after
        iterations for which it computed none.
    notes : str
        One line that the user should know about the solve, "" if there is nothing to report.
    choice : str
        What a solver that chooses has chosen for this solve, or how it began; "" for all others.
    """

    pressure: Tensor
    iterations: int
    history: list[float]
    notes: str = ""
    choice: str = ""


class Solver(Protocol):
    """The interface of a solver: a frozen dataclass of options that keeps nothing between calls.

    A class with the attribute `wraps = True` solves systems with periodic axes itself; for others
    `solvers.solve` cuts the periodic axes open (see `solvers.gate.periodic`). For one with
    `rescued = True`, `direct` takes over where it fails on weights of very different size, if the
    system is not too large (see `solvers.gate.rescue`). One with a method `sequence()` can learn
    from the systems of a run (see `solvers.sequence`).

    Attributes
    ----------
    name : str
        The name that solutions carry.
    """

    name: ClassVar[str]

    def setup(self, system: PoissonSystem) -> Any:
        """Prepare a system for any number of right-hand sides.

        Parameters
        ----------
        system : PoissonSystem
            Its weights are finite and not negative, and it has unknowns.

        Returns
        -------
        Any
            The state that `solve` takes.
        """
        ...

    def solve(self, state: Any, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Solve for one right-hand side.

        Parameters
        ----------
        state : Any
            What `setup` returned.
        rhs : Tensor, float64, shape of the grid
            Finite and not zero, 0 in inactive cells, with zero mean on floating components.
        guess : Tensor, float64, shape of the grid, or None
            Where to start from; finite, 0 in inactive cells, with zero mean on floating components.
        rtol : float
            Relative residual to reach.

        Returns
        -------
        Outcome
            What was reached, whether or not it meets rtol.
        """
        ...
