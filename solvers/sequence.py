"""Solvers that learn from solve to solve: what they know of a run, and how it is kept.

A solver remembers nothing: the same call gives the same bits. One that has a method `sequence()`
can do more for systems that come one after the other, as those of a simulation do. The object that
the method returns is a solver too, for one run, and may let each solve teach it something.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from solvers.protocol import Outcome, Solver
from solvers.system import PoissonSystem

_PREFIX = "solver/"  # of the memory's tensors among those of a simulation


@runtime_checkable
class Sequence(Protocol):
    """A solver for the systems of one run, in turn, which remembers what they taught it.

    Its choices follow from its options, its memory and the systems alone, so that a run which goes
    on from a stored memory repeats bit for bit.

    Attributes
    ----------
    name : str
        The name that solutions carry.
    """

    name: str

    def setup(self, system: PoissonSystem) -> Any:
        """As `Solver.setup`."""
        ...

    def solve(self, state: Any, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """As `Solver.solve`; afterwards the memory is another."""
        ...

    def memory(self) -> dict[str, Tensor]:
        """All that later solves depend on, by name; {} if that is nothing.

        Returns
        -------
        dict of str to Tensor
            Tensors that later solves do not change.
        """
        ...

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Take the memory of a run that goes on.

        What does not fit (other options, another grid, another machine) is forgotten, and the notes
        of the next solve say so in one line.

        Parameters
        ----------
        memory : dict of str to Tensor
            What `memory` returned, {} where nothing was kept.
        """
        ...


def begin(solver: Solver) -> Solver:
    """The solver for the systems of a run.

    Parameters
    ----------
    solver : Solver
        Any solver.

    Returns
    -------
    Solver
        A new `Sequence` if the solver can learn from a run, otherwise the solver itself.
    """
    start = getattr(solver, "sequence", None)
    return solver if start is None else start()


def state_of(solver: Solver) -> dict[str, Tensor]:
    """The memory of a solver, under names for the state of a simulation; {} if it has none."""
    if not isinstance(solver, Sequence):
        return {}
    return {_PREFIX + name: values for name, values in solver.memory().items()}


def restore(solver: Solver, state: dict[str, Tensor]) -> None:
    """Hand the memory in the state of a simulation to its solver, if that is a `Sequence`."""
    if isinstance(solver, Sequence):
        mine = (name for name in state if name.startswith(_PREFIX))
        solver.recall({name[len(_PREFIX) :]: state[name] for name in mine})
