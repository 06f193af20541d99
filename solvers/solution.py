"""The result of a solve, and the error of one that misses its tolerance."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Solution:
    """The result of one solve.

    Attributes
    ----------
    pressure : Tensor, float64, shape of the grid
        Pressure in Pa: 0 in inactive cells, zero mean on each floating component.
    converged : bool
        Whether relative_residual <= rtol.
    iterations : int
        Iterations of the solver.
    relative_residual : float
        ||b - A p|| / ||b||, computed from the pressure in float64, where b is the right-hand side
        on active cells minus its mean on each floating component. With floating components it is
        the largest of these ratios over each of them and the rest of the grid. 0 if b is 0.
    setup_seconds, solve_seconds : float
        Wall time of the solver's two parts, without the checks.
    residual_history : list of float
        Relative residuals as the solver computed them, over the whole grid, entry i after i
        iterations.
    solver : str
        Name of the solver.
    notes : str
        One line that the solver reports about the solve, "" if there is nothing to report.
    choice : str
        What a solver that chooses has chosen, "" for all others.
    guessed : bool
        Whether it went on from the guess, on some part of the grid at least.
    """

    pressure: Tensor
    converged: bool
    iterations: int
    relative_residual: float
    setup_seconds: float
    solve_seconds: float
    residual_history: list[float]
    solver: str
    notes: str = ""
    choice: str = ""
    guessed: bool = False


class SolveError(RuntimeError):
    """Raised when a solve misses its tolerance.

    Attributes
    ----------
    solution : Solution
        What was reached.
    """

    def __init__(self, solution: Solution, rtol: float, difficulty: str = "") -> None:
        reached = solution.relative_residual
        notes = f"{solution.notes}; " if solution.notes else ""
        fault = (
            f"reached relative residual {reached:.2e}, above rtol {rtol:.2e}"
            if math.isfinite(reached)
            else "ran into values that are not finite"
        )
        super().__init__(
            f"solver {solution.solver} {fault} after {solution.iterations} iterations; "
            f"{notes}{difficulty}allow more iterations, a larger rtol, or choose another solver"
        )
        self.solution = solution
