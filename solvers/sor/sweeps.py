"""Red-black sweeps of successive over-relaxation: by kernels on the CPU, by torch anywhere."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from solvers.floating import FloatingComponents
from solvers.krylov import pcg
from solvers.krylov.row_space import RowSpace
from solvers.krylov.vector_space import first_guess
from solvers.row_layout import RowLayout
from solvers.sor.kernels import relax
from solvers.system import PoissonSystem

# The loop gives up when for so many sweeps, and half of all, the residual has found no new minimum.
_PATIENCE = 150


class Sweeps(Protocol):
    """A pressure x and the operations of the loop on it."""

    def half(self, colour: int, omega: float) -> float:
        """Relax the cells of a colour; returns (r, r) over them, r taken before each."""
        ...

    def norm(self) -> float:
        """The norm of b - A x."""
        ...

    def pressure(self) -> Tensor:
        """x as a grid tensor."""
        ...


def iterate(
    sweeps: Sweeps, norm_b: float, omega: float, rtol: float, limit: int
) -> tuple[int, list[float]]:
    """Sweep until the true residual norm is at most rtol * norm_b, or `limit` sweeps are done.

    The residuals that a sweep meets tell its norm after the sweep before: that of black cells is
    1 - omega of what they had when they were relaxed, that of red cells is what the next half-sweep
    finds. So the norm costs nothing; the last one is computed.
    Returns the number of sweeps and the relative residual norms from the start to the end.
    """
    goal = pcg.target(norm_b, rtol)
    history = [sweeps.norm() / norm_b]
    done, black, least, at_least = 0, math.inf, history[0] * norm_b, 0
    if least <= goal:
        return 0, history
    while done < limit:
        red = sweeps.half(0, omega)
        done += 1
        if done > 1:
            norm = math.sqrt(red + (1.0 - omega) ** 2 * black)
            history.append(norm / norm_b)
            if norm < least:
                least, at_least = norm, done
            stuck = done - at_least > _PATIENCE + 0.5 * at_least
            if not norm < math.inf or stuck or (norm <= goal and sweeps.norm() <= goal):
                break
        black = sweeps.half(1, omega)
    return done, [*history, sweeps.norm() / norm_b]


class RowSweeps(RowSpace):
    """Sweeps by the kernels over rows."""

    def __init__(
        self, layout: RowLayout, floating: FloatingComponents, diagonal: np.ndarray,
        parity: np.ndarray, rhs: Tensor, guess: Tensor | None,
    ) -> None:  # fmt: skip
        super().__init__(layout, floating, rhs, guess)
        self.diagonal, self.parity = diagonal, parity
        self.sums, self.r = np.zeros(len(layout.spans)), layout.zeros()

    def half(self, colour: int, omega: float) -> float:
        given = (self.x, self.b, self.diagonal, omega, colour, self.parity, self.sums)
        relax(*given, *self.layout.tables)
        return float(self.sums.sum())

    def norm(self) -> float:
        return math.sqrt(self.layout.residual(self.b, self.x, self.r))


class TorchSweeps:
    """Sweeps as torch expressions, which define what the kernels compute."""

    def __init__(
        self, system: PoissonSystem, diagonal: Tensor, rhs: Tensor, guess: Tensor | None
    ) -> None:
        self.system, self.b, self.x = system, rhs, first_guess(rhs, guess)
        board = torch.zeros(system.shape, dtype=torch.int64, device=system.device)
        for axis, n in enumerate(system.shape):
            across = [-1 if d == axis else 1 for d in range(system.dim)]
            board += torch.arange(n, device=system.device).reshape(across)
        self.cells = [(board % 2 == colour) & (diagonal > 0) for colour in range(2)]
        self.inverse = torch.where(diagonal > 0, 1.0 / diagonal, 0.0)

    def half(self, colour: int, omega: float) -> float:
        r = torch.where(self.cells[colour], self.b - self.system.apply(self.x), 0.0)
        self.x = self.x + omega * (self.inverse * r)
        return float((r * r).sum())

    def norm(self) -> float:
        return float(torch.linalg.vector_norm(self.b - self.system.apply(self.x)))

    def pressure(self) -> Tensor:
        return self.x


def row_parity(shape: tuple[int, ...]) -> np.ndarray:
    """The colour of the first cell of each row, (rows,) int64."""
    return np.indices(shape[:-1]).sum(axis=0).ravel() % 2
