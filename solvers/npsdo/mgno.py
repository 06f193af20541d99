"""MgNO: a learned first guess of a pressure, from which another solver goes on."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from solvers.cg import ConjugateGradient
from solvers.ic import IncompleteCholesky
from solvers.multigrid import Multigrid
from solvers.npsdo.preconditioner import Preconditioner
from solvers.npsdo.solver import network_of
from solvers.protocol import Outcome, Solver
from solvers.system import PoissonSystem

_INNER: dict[str, Callable[..., Solver]] = {
    "cg": ConjugateGradient,
    "ic": IncompleteCholesky,
    "multigrid": Multigrid,
}


@dataclass(frozen=True, eq=False)
class State:
    """A system with its network and with what the inner solver has set up."""

    system: PoissonSystem
    network: Preconditioner
    inner: Any


@dataclass(frozen=True)
class LearnedGuess:
    """A first guess by a network of learned V-cycles (MgNO), then CG or another solver from there.

    The network guesses what the given guess, or zero, leaves. It goes as far along this correction
    as lowers the error most, so the error never grows in the A-norm, whatever the network says. The
    first entry of the residual's history is what is left then.

    Parameters
    ----------
    weights : str or os.PathLike, optional
        File of trained weights; None for those that come with the program.
    max_iterations : int, default 5000
        Iterations after which the inner solver gives up.
    inner : {"cg", "ic", "multigrid"}, default "cg"
        The solver that goes on from the guess.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    He, Liu & Xu (2024), MgNO: Efficient Parameterization of Linear Operators via Multigrid, ICLR.
    """

    name: ClassVar[str] = "mgno"
    rescued: ClassVar[bool] = True
    weights: str | os.PathLike[str] | None = None
    max_iterations: int = 5000
    inner: str = "cg"

    def __post_init__(self) -> None:
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations must be at least 1, not {self.max_iterations}")
        if self.inner not in _INNER:
            raise ValueError(f"inner must be one of {', '.join(_INNER)}, not {self.inner}")

    def setup(self, system: PoissonSystem) -> State:
        """Set the inner solver up; raises ValueError for weights that cannot be read."""
        network = network_of(self.weights, self.name, system.dim)
        return State(system, Preconditioner(system, network), self._solver.setup(system))

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Guess, then iterate to the true relative residual rtol.

        The notes say so if the network was of no use.
        """
        better, left, note = improved(state.system, state.network, rhs, guess)
        outcome = self._solver.solve(state.inner, rhs, better, rtol)
        return replace(
            outcome,
            notes="; ".join(filter(None, (note, outcome.notes))),
            choice=f"guess removed {max(0, math.floor(10 * (1 - left)))}0 % of the residual",
        )

    @property
    def _solver(self) -> Solver:
        return _INNER[self.inner](max_iterations=self.max_iterations)


def improved(
    system: PoissonSystem, network: Callable[[Tensor], Tensor], rhs: Tensor, guess: Tensor | None
) -> tuple[Tensor | None, float, str]:
    """A guess that is nearer to the solution in the A-norm, or the old one.

    Also what part of the norm of the residual it leaves, and "" or why it is the old one.

    rhs, guess: float64 (*shape), see `Solver.solve`. network: maps residuals that are not 0 to
    guesses of their pressures.
    """
    r = rhs if guess is None else rhs - system.apply(guess)
    if not r.any():
        return guess, 0.0, ""
    z = system.floating.remove_means(network(r))
    q = system.apply(z)
    rz, zq = float((r * z).sum()), float((z * q).sum())
    if not (math.isfinite(rz) and math.isfinite(zq)):
        return guess, 1.0, "the network gave values that are not finite"
    if zq <= 0:
        return guess, 1.0, "the network gave no guess"
    step = rz / zq
    left = torch.linalg.vector_norm(r - step * q) / torch.linalg.vector_norm(r)
    return step * z if guess is None else guess + step * z, float(left), ""
