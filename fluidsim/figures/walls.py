"""Iterations of multigrid behind thin walls, with and without pieces of aggregates."""

from __future__ import annotations

from fluidsim.figures.report import markdown
from solvers import runtime
from solvers.multigrid import Multigrid
from solvers.solve import solve
from solvers.walled_systems import KINDS, walled_system

SHAPES = ((96, 96), (192, 160), (24, 24, 24))
PIECES = ("never", "auto", "always")


def walls() -> str:
    """Iterations to 1e-6 on each kind of walls: undivided, divided when slow, divided at once."""
    runtime.configure()
    lines = [["iterations to 1e-6", *("x".join(map(str, shape)) for shape in SHAPES)]]
    for kind in KINDS:
        line = [kind]
        for shape in SHAPES:
            print(f"{kind} {shape}", flush=True)
            stored = walled_system(kind, shape)
            found = []
            for pieces in PIECES:
                solver = Multigrid(pieces=pieces)
                solution = solve(stored.system, stored.rhs, solver, throw=False)
                found.append(str(solution.iterations) if solution.converged else "failed")
            line.append(" / ".join(found))
        lines.append(line)
    note = (
        "`pieces` `never` / `auto` / `always`, at most 500 iterations. Walls: faces without "
        "thickness, or solid one cell thick (`solvers/walled_systems.py`, seed 0)."
    )
    return f"{markdown(lines)}\n\n{note}"
