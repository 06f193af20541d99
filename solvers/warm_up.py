"""Compile what a solver needs ahead of its first use: `python -m solvers.warm_up multigrid 3`.

Kernels are compiled when they are first called, for half a minute and more, and kept: other
processes that wait for this one load them.
"""

import sys

import solvers
from solvers import registry, runtime
from solvers.model_systems import model_system

CELLS = 16  # a side of the system that is solved


def warm_up(name: str, dim: int) -> None:
    """Solve small systems, with and without air and with a guess, by the solver of a name."""
    for kind in ("dam", "smoke"):
        stored = model_system(kind, (CELLS,) * dim)
        prepared = solvers.prepare(stored.system, registry.create(name, {}))
        found = solvers.solve(stored.system, stored.rhs, prepared)
        solvers.solve(stored.system, stored.rhs, prepared, found.pressure)


if __name__ == "__main__":
    runtime.configure()
    warm_up(sys.argv[1], int(sys.argv[2]))
