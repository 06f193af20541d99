"""Conjugate gradients with a geometric multigrid V-cycle as preconditioner.

`solver` is the solver, `torch_levels` defines its V-cycle as torch expressions. On the CPU, `setup`
and `aggregates` build the `packed_levels`, `kernels` runs the V-cycle on them, and `packed_space`
with `vectors` is the CG around it. `tuning` finds the over-relaxation.
"""

from solvers.multigrid.solver import FACTORS, Factors, Multigrid, relaxation

__all__ = ["FACTORS", "Factors", "Multigrid", "relaxation"]
