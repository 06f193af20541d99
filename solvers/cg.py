"""Conjugate gradients with the diagonal of A as preconditioner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from solvers import pcg, rows
from solvers.protocol import Outcome
from solvers.rows import RowLayout
from solvers.system import PoissonSystem

ENGINES = ("auto", "numba", "torch")


@dataclass(frozen=True, eq=False)
class State:
    """A system with the inverse of its diagonal (0 where that is 0) and, on the CPU, its rows."""

    system: PoissonSystem
    inverse: Tensor
    layout: RowLayout | None


@dataclass(frozen=True)
class ConjugateGradient:
    """Conjugate gradients with Jacobi preconditioner, matrix-free; sturdy, slow on large grids.

    max_iterations: steps before giving up.
    engine: "numba" (kernels for tensors on the CPU), "torch" (any device; defines what the
        kernels compute), or "auto": the fastest for the device.
    """

    name: ClassVar[str] = "cg"
    wraps: ClassVar[bool] = True
    max_iterations: int = 5000
    engine: str = "auto"

    def __post_init__(self) -> None:
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations must be at least 1, not {self.max_iterations}")
        if self.engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {self.engine}")

    def setup(self, system: PoissonSystem) -> State:
        """Invert the diagonal; raises ValueError for numba kernels on another device."""
        on_cpu = system.device.type == "cpu"
        if self.engine == "numba" and not on_cpu:
            raise ValueError(f"engine numba needs tensors on the CPU, not on {system.device}")
        use_rows = on_cpu and self.engine != "torch"
        diagonal = system.diagonal()
        inverse = torch.where(diagonal > 0, 1.0 / diagonal, 0.0)
        return State(system, inverse, RowLayout.of(system) if use_rows else None)

    def solve(self, state: State, rhs: Tensor, guess: Tensor | None, rtol: float) -> Outcome:
        """Iterate from the guess (0 when None) to the true relative residual rtol."""
        space = (_TorchSpace if state.layout is None else _RowSpace)(state, rhs, guess)
        norm_b = float(torch.linalg.vector_norm(rhs))
        iterations, history = pcg.iterate(space, norm_b, rtol, self.max_iterations)
        return Outcome(space.pressure(), iterations, history)


class _TorchSpace:
    """The vector work of the loop as torch expressions, on any device."""

    def __init__(self, state: State, rhs: Tensor, guess: Tensor | None) -> None:
        self.system, self.inverse, self.b = state.system, state.inverse, rhs
        self.x = torch.zeros_like(rhs) if guess is None else guess.clone()

    def start(self) -> tuple[float, float]:
        self.r = self.b - self.system.apply(self.x)
        self.p = self.inverse * self.r
        return self._sums()

    def product(self) -> float:
        self.q = self.system.apply(self.p)
        return float((self.p * self.q).sum())

    def advance(self, alpha: float) -> tuple[float, float]:
        self.x += alpha * self.p
        self.r -= alpha * self.q
        return self._sums()

    def turn(self, beta: float) -> None:
        self.p = self.inverse * self.r + beta * self.p

    def remove_means(self) -> None:
        self.x = self.system.floating.remove_means(self.x)

    def keep(self) -> None:
        self.kept = self.x.clone()

    def revert(self) -> None:
        self.x = self.kept

    def pressure(self) -> Tensor:
        return self.x

    def _sums(self) -> tuple[float, float]:
        square = self.r * self.r
        rz, rr = torch.stack([(self.inverse * square).sum(), square.sum()]).tolist()
        return rz, rr**0.5


class _RowSpace:
    """The vector work of the loop by the kernels over rows; z is never stored."""

    def __init__(self, state: State, rhs: Tensor, guess: Tensor | None) -> None:
        assert state.layout is not None
        layout = self.layout = state.layout
        self.floating = state.system.floating
        self.inverse = state.inverse.numpy().reshape(layout.active.shape)
        self.b = rhs.contiguous().numpy().reshape(layout.active.shape)
        self.x = layout.padded_zeros() if guess is None else layout.padded(guess)
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
        rows.advance(*vectors, alpha, self.layout.spans, self.sums)
        rz, rr = self.sums.sum(axis=1).tolist()
        return rz, rr**0.5

    def turn(self, beta: float) -> None:
        rows.turn(self.p, self.r, self.inverse, beta, self.layout.spans)

    def remove_means(self) -> None:
        self.x = self.layout.padded(self.floating.remove_means(self.pressure()))

    def keep(self) -> None:
        self.kept = self.x.copy()

    def revert(self) -> None:
        self.x = self.kept

    def pressure(self) -> Tensor:
        return self.layout.to_grid(self.x)
