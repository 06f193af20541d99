"""Successive over-relaxation, plain or symmetric in conjugate gradients, with learnt omega."""

from solvers.sor.solver import OverRelaxation

__all__ = ["OverRelaxation"]
