"""Compile the kernels of a solver before its first use: `python -m solvers.warm_up multigrid 3`.

Kernels are compiled when they are first called, which can take half a minute, and then cached on
disk, from where later processes load them.
"""

import sys
from dataclasses import replace

import solvers
from solvers import registry, runtime
from solvers.history import History
from solvers.model_systems import model_system
from solvers.multigrid import Multigrid
from solvers.storage import StoredSystem
from solvers.walled_systems import walled_system

CELLS = 16  # along each side of the systems that are solved


def warm_up(name: str, dim: int) -> None:
    """Solve small systems with the named solver: with and without air, with a guess of a history,
    and behind thin walls."""
    for kind in ("dam", "smoke"):
        stored = model_system(kind, (CELLS,) * dim)
        prepared = solvers.prepare(stored.system, registry.create(name, {}))
        history, guess = History(), None
        for _ in range(4):  # the last one has a guess
            guess = history.guess(stored.system, stored.rhs)
            found = solvers.solve(stored.system, stored.rhs, prepared, guess)
            history.learn(stored.rhs, found.pressure)
    solver = registry.create(name, {})
    if isinstance(solver, Multigrid):  # it may need these in the midst of a run
        stored = walls_of(dim)
        solvers.solve(stored.system, stored.rhs, replace(solver, pieces="always"))


def walls_of(dim: int) -> StoredSystem:
    """A small system with thin walls."""
    return walled_system("plates", (CELLS,) * dim)


def main() -> None:
    """The command: name of the solver, dimensions."""
    runtime.configure()
    warm_up(sys.argv[1], int(sys.argv[2]))


if __name__ == "__main__":
    main()
