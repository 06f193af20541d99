"""The training samples of a network: residuals and errors of solves with the network itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from solvers.npsdo import references, ritz
from solvers.npsdo.data import Problem
from solvers.npsdo.descent import Fitted, ScaledOperator, descend
from solvers.npsdo.directions import DirectionNetwork
from solvers.npsdo.networks import SymmetricCycle
from solvers.npsdo.vcycles import MultigridNetwork
from solvers.npsdo.weights import Network

# Solves reach the first tolerance, so that the errors of residuals above the second are accurate.
_RTOL, _LEAST = 1e-8, 1e-6
_MOST_ITERATIONS = 60


@dataclass(frozen=True, eq=False)
class Samples:
    """Residuals of norm 1 of one system with their errors B^-1 r, float32 (samples, *shape)."""

    operator: ScaledOperator
    fitted: Fitted
    residuals: Tensor
    errors: Tensor

    @property
    def cells(self) -> int:
        """Cells of the grid."""
        return self.residuals[0].numel()


@torch.no_grad()
def collect(
    problem: Problem, network: Network, random: np.random.Generator, most: int, loss: str
) -> Samples | None:
    """Solve a problem with the network in its present state and take at most `most` samples.

    The energy loss needs their errors, so it takes only those of solves that have converged.

    Returns None if there are none: the solve ended after one step, or it failed.
    """
    operator = ScaledOperator(problem.system)
    fitted = Fitted(problem.system, network)
    levels = fitted.levels(network)
    b = operator.scale * problem.rhs
    if isinstance(network, DirectionNetwork):
        return Samples(operator, fitted, *ritz.draw(operator, b[0], random, most))
    if isinstance(network, MultigridNetwork):
        return Samples(operator, fitted, *references.solved(problem, operator))
    descent = descend(
        operator, lambda r: fitted.apply(network, levels, r), b, directions_of(network), _RTOL,
        _MOST_ITERATIONS, keep=True,
    )  # fmt: skip
    usable = descent.norms[:-1] > _LEAST
    if loss == "energy":
        usable &= descent.norms[-1] < 0.01 * descent.norms[:-1]
    places = usable.nonzero().tolist()
    if not places:
        return None
    chosen = random.choice(len(places), min(most, len(places)), replace=False)
    residuals, errors = [], []
    for step, sample in (places[n] for n in sorted(chosen)):
        r = descent.residuals[step][sample]
        e = descent.iterates[-1][sample] - descent.iterates[step][sample]
        norm = torch.linalg.vector_norm(r)
        residuals.append((r / norm).float())
        errors.append((e / norm).float())
    return Samples(operator, fitted, torch.stack(residuals), torch.stack(errors))


def directions_of(network: Network) -> int:
    """Directions kept in a solve: one gives CG if the map is symmetric, the paper keeps two."""
    return 1 if isinstance(network, SymmetricCycle) else 2
