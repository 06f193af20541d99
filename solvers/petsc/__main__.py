"""PETSc beside `multigrid` on stored systems: `mpiexec -n 2 python -m solvers.petsc SYSTEMS`.

SYSTEMS is a folder of stored systems, of a run or of a comparison, or a file. Each rank of MPI has
the rows of a slab, and `multigrid` has a thread for each rank. A row a solver: iterations, seconds
of the setup, of setting the values of the same matrix anew, and of the solve, the true relative
residual, how far the pressure is from that of `multigrid`, and by how much the memory of each rank
grew. Without mpiexec there is one rank.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from solvers import registry
from solvers.bench import load_systems
from solvers.storage import StoredSystem, load_system

if TYPE_CHECKING:
    from solvers.petsc.comparison import Row

_HEADING = (
    f"{'system':<20} {'unknowns':>12}  {'solver':<20} {'iterations':>10} {'setup, s':>9} "
    f"{'update, s':>9} {'solve, s':>9} {'residual':>9} {'difference':>10}  memory of each, MB"
)


def main(words: list[str]) -> int:
    """Run the command on rank 0, while the others serve it; the exit status."""
    try:
        registry.create("petsc", {})
    except ValueError as error:
        return _failed(error)
    from solvers.petsc import ranks

    try:
        if ranks.rank():
            ranks.serve()
            return 0
        try:
            return _compare(_parser().parse_args(words))
        except (ValueError, OSError) as error:
            return _failed(error)
        finally:
            ranks.dismiss()
    except Exception as error:
        _failed(error)
        ranks.abort()
        return 1


def _failed(error: Exception) -> int:
    about = str(error)
    if isinstance(error, OSError) and error.filename is not None:
        about = f"{error.filename}: {error.strerror}"
    print(f"error: {' '.join(about.split())}", file=sys.stderr, flush=True)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m solvers.petsc")
    parser.add_argument("systems", type=Path, metavar="SYSTEMS", help="a folder or a file")
    parser.add_argument("--preconditioner", default="gamg", help="gamg (the default) or hypre")
    parser.add_argument("--max-iterations", type=int, default=500, help="(500)")
    parser.add_argument("--rtol", type=float, default=1e-6, help="true relative residual (1e-6)")
    parser.add_argument("--repeats", type=int, default=3, help="runs, for medians (3)")
    parser.add_argument("--json", action="store_true", help="a line of JSON a row, not a table")
    return parser


def _compare(options: argparse.Namespace) -> int:
    from solvers.model_systems import model_system
    from solvers.petsc.comparison import compared
    from solvers.petsc.ranks import Ranks

    if options.repeats < 1:
        raise ValueError(f"--repeats must be at least 1, not {options.repeats}")
    solver = Ranks(options.preconditioner, options.max_iterations)
    systems = _loaded(options.systems)
    compared("", model_system("dam", (8, 8, 8)), solver, options.rtol, 1)  # compiles, loads
    if not options.json:
        print(_HEADING)
    reached = True
    for name, stored in systems:
        for row in compared(name, stored, solver, options.rtol, options.repeats):
            print(json.dumps(dataclasses.asdict(row)) if options.json else _line(row), flush=True)
            reached &= row.converged
    if not reached:
        raise ValueError("a solve has missed its tolerance")
    return 0


def _loaded(path: Path) -> Iterable[tuple[str, StoredSystem]]:
    if path.is_dir():
        return load_systems(path).items()
    return [(path.stem, load_system(path))]


def _line(row: Row) -> str:
    kind = "thread" if row.solver == "multigrid" else "rank"
    who = f"{row.solver}, {row.processes} {kind}{'s' if row.processes > 1 else ''}"
    times = row.setup_seconds, row.update_seconds, row.solve_seconds
    seconds = " ".join(f"{'' if t != t else format(t, '.3f'):>9}" for t in times)
    memory = " + ".join(f"{grown / 1e6:,.0f}" for grown in row.memory)
    return (
        f"{row.system:<20} {row.unknowns:>12,}  {who:<20} {row.iterations:>10} {seconds} "
        f"{row.relative_residual:>9.1e} {row.difference:>10.1e}  {memory}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
