"""The solvers that `auto` chooses from, and the work that they declare.

Work is counted, not timed, so that runs repeat bit for bit. Its unit is the work at one cell of a
product with the matrix, 6 ns on the machine of the figures; the constants were fitted to CPU times
of the model systems of 48^2 to 128^2 and 24^3 to 48^3 cells, on one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from solvers.cg import ConjugateGradient
from solvers.ic import IncompleteCholesky
from solvers.multigrid import Multigrid


@dataclass(frozen=True)
class Work:
    """Units for each call, whatever the size, and for each unknown."""

    call: float
    unknown: float

    def of(self, unknowns: int) -> float:
        """Units in a system of so many unknowns."""
        return self.call + self.unknown * unknowns


@dataclass(frozen=True)
class Arm:
    """A solver with the option max_iterations, by its name with options, and its work."""

    text: str
    solver: Any
    setup: Work
    iteration: Work
    on_gpu: bool = True


def _multigrid(text: str, sweeps: int) -> Arm:
    iteration = Work(17_500.0 + 6_000.0 * sweeps, 0.7 + sweeps)
    return Arm(text, Multigrid(sweeps=sweeps), Work(150_000.0, 7.0), iteration)


# The first one is the default, the others follow in the order in which they are tried.
ARMS = (
    _multigrid("multigrid", 2),
    _multigrid("multigrid:sweeps=1", 1),
    _multigrid("multigrid:sweeps=3", 3),
    Arm("ic", IncompleteCholesky(), Work(50_000.0, 17.0), Work(10_000.0, 9.0), on_gpu=False),
    Arm("cg", ConjugateGradient(), Work(120_000.0, 2.0), Work(7_500.0, 1.5)),
)
