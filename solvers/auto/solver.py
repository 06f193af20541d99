"""The default solver, which in a run gives way to whatever costs less on its systems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from solvers.auto.arms import ARMS
from solvers.auto.sequence import LearnedChoice
from solvers.protocol import Outcome
from solvers.system import PoissonSystem


@dataclass(frozen=True)
class Automatic:
    """Chooses the solver in the course of a run, by the work that each needs on its systems.

    Outside of a run it is `multigrid`.

    Parameters
    ----------
    seed : int, default 0
        Of the draws by which solvers are tried out.

    Raises
    ------
    ValueError
        If the seed is negative.

    References
    ----------
    Zimmert & Seldin (2021), Tsallis-INF, JMLR 22; Even-Dar, Mannor & Mansour (2006), Action
    elimination, JMLR 7.
    """

    name: ClassVar[str] = "auto"
    rescued: ClassVar[bool] = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed}")

    def sequence(self) -> LearnedChoice:
        """What chooses for the systems of a run."""
        return LearnedChoice(self.seed)

    def setup(self, system: PoissonSystem) -> Any:
        """That of the default."""
        return ARMS[0].solver.setup(system)

    def solve(self, state: Any, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """By the default."""
        return ARMS[0].solver.solve(state, rhs, guess, rtol)
