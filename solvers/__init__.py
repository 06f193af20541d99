"""Solvers for the pressure systems of fluid simulation: coefficients in, pressure out.

    system = solvers.PoissonSystem(face_weights, active)
    solution = solvers.solve(system, rhs, rtol=1e-6)

Everything works on torch tensors, in two and three dimensions. Nothing here knows about particles,
velocities or scenes.
"""

import os

# OpenMP reads this once, when torch loads it. Its threads spin while they wait for each other. If
# another process keeps a core busy, the default makes a small solve 50 times slower, this value 5.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

from solvers import caches

os.environ.update(caches.variables())  # before any kernel is declared

from solvers.differentiable import differentiable_solve
from solvers.protocol import Outcome, Solver
from solvers.registry import available, describe
from solvers.slicing import interior, lower, upper
from solvers.solve import Prepared, Solution, SolveError, prepare, solve
from solvers.system import PoissonSystem

__all__ = [
    "Outcome",
    "PoissonSystem",
    "Prepared",
    "Solution",
    "SolveError",
    "Solver",
    "available",
    "describe",
    "differentiable_solve",
    "interior",
    "lower",
    "prepare",
    "solve",
    "upper",
]
