"""Conjugate gradients with the diagonal of A as preconditioner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from solvers import row_layout
from solvers.engines import check_engine, uses_kernels
from solvers.krylov import pcg
from solvers.krylov.row_space import RowSpace
from solvers.krylov.vector_space import VectorSpace, first_guess
from solvers.protocol import Outcome
from solvers.row_layout import RowLayout
from solvers.system import PoissonSystem


@dataclass(frozen=True, eq=False)
class State:
    """A system with the inverse of its diagonal (0 where that is 0) and, on the CPU, its rows."""

    system: PoissonSystem
    inverse: Tensor
    layout: RowLayout | None


@dataclass(frozen=True)
class ConjugateGradient:
    """Conjugate gradients with a Jacobi preconditioner, matrix-free; robust, slow on large grids.

    Parameters
    ----------
    max_iterations : int, default 5000
        Iterations after which the solver gives up.
    engine : {"auto", "numba", "torch"}, default "auto"
        "numba" uses kernels for tensors on the CPU, "torch" works on any device and defines what
        the kernels compute; "auto" takes the faster one for the device.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Saad, Iterative Methods for Sparse Linear Systems (2003), algorithm 9.1.
    """

    name: ClassVar[str] = "cg"
    wraps: ClassVar[bool] = True
    max_iterations: int = 5000
    engine: str = "auto"

    def __post_init__(self) -> None:
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations must be at least 1, not {self.max_iterations}")
        check_engine(self.engine)

    def setup(self, system: PoissonSystem) -> State:
        """Invert the diagonal; raises ValueError for numba kernels on a device without them."""
        use_rows = uses_kernels(self.engine, system.device)
        diagonal = system.diagonal()
        inverse = torch.where(diagonal > 0, 1.0 / diagonal, 0.0)
        return State(system, inverse, RowLayout.of(system) if use_rows else None)

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        norm_b = float(torch.linalg.vector_norm(rhs))
        if state.layout is None:
            space = _TorchSpace(state, rhs, guess)
        else:
            space = _KernelSpace(state, state.layout, rhs, guess)
        iterations, history = pcg.iterate(space, norm_b, rtol, self.max_iterations)
        return Outcome(space.pressure(), iterations, history)


class _TorchSpace(VectorSpace):
    """The vectors of the loop as torch expressions, on any device."""

    def __init__(self, state: State, rhs: Tensor, guess: Tensor | None) -> None:
        self.inverse = state.inverse
        x, floating = first_guess(rhs, guess), state.system.floating
        super().__init__(
            state.system.apply, lambda r: self.inverse * r, rhs, x, floating.remove_means
        )

    def pressure(self) -> Tensor:
        return self.x

    def preconditioned(self) -> tuple[float, float]:
        """As the kernels do it: both sums from the squares of r."""
        self.z = self.precondition(self.r)
        square = self.r * self.r
        rz, rr = torch.stack([(self.inverse * square).sum(), square.sum()]).tolist()
        return rz, rr**0.5


class _KernelSpace(RowSpace):
    """The vectors of the loop for the kernels over rows; z is never stored."""

    def __init__(self, state: State, layout: RowLayout, rhs: Tensor, guess: Tensor | None) -> None:
        super().__init__(layout, state.system.floating, rhs, guess)
        self.inverse = state.inverse.numpy().reshape(layout.active.shape)
        self.p = layout.padded_zeros()
        self.q = layout.zeros()
        self.r = layout.zeros()
        self.sums = np.zeros((2, len(layout.spans)))

    def start(self) -> tuple[float, float]:
        self.layout.product(self.x, self.q)
        np.subtract(self.b, self.q, out=self.r)
        self.p.fill(0.0)
        result = self.advance(0.0)
        self.turn(0.0)
        return result

    def product(self) -> float:
        return self.layout.product(self.p, self.q)

    def advance(self, alpha: float) -> tuple[float, float]:
        vectors = (self.x, self.r, self.p, self.q, self.inverse)
        row_layout.advance(*vectors, alpha, self.layout.spans, self.sums)
        rz, rr = self.sums.sum(axis=1).tolist()
        return rz, rr**0.5

    def turn(self, beta: float) -> None:
        row_layout.turn(self.p, self.r, self.inverse, beta, self.layout.spans)
