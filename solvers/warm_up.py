"""Compile the kernels of a solver before its first use: `python -m solvers.warm_up multigrid 3`.

Kernels are compiled when they are first called, which can take half a minute, and then cached on
disk, from where later processes load them.
"""

import sys

import solvers
from solvers import registry, runtime
from solvers.model_systems import model_system

CELLS = 16  # along each side of the systems that are solved


def warm_up(name: str, dim: int) -> None:
    """Solve small systems with the named solver: with and without air, and with a guess."""
    for kind in ("dam", "smoke"):
        stored = model_system(kind, (CELLS,) * dim)
        prepared = solvers.prepare(stored.system, registry.create(name, {}))
        found = solvers.solve(stored.system, stored.rhs, prepared)
        solvers.solve(stored.system, stored.rhs, prepared, found.pressure)


def main() -> None:
    """The command: name of the solver, dimensions."""
    runtime.configure()
    warm_up(sys.argv[1], int(sys.argv[2]))


if __name__ == "__main__":
    main()
