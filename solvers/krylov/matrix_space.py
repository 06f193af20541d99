"""The vectors of conjugate gradients as NumPy arrays of unknowns, with A as a sparse matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

from solvers.krylov import pcg
from solvers.krylov.vector_space import VectorSpace
from solvers.protocol import Outcome
from solvers.system import PoissonSystem

Preconditioner = Callable[[np.ndarray], np.ndarray]


class MatrixSpace(VectorSpace):
    """A `VectorSpace` over the active cells of a system; precondition: z from r, both (n,)."""

    def __init__(
        self,
        system: PoissonSystem,
        precondition: Preconditioner,
        rhs: Tensor,
        guess: Tensor | None,
    ) -> None:
        matrix, b = system.to_scipy()[0], system.to_unknowns(rhs)

        def remove_means(x: np.ndarray) -> np.ndarray:
            return system.to_unknowns(system.floating.remove_means(system.from_unknowns(x)))

        x = np.zeros_like(b) if guess is None else system.to_unknowns(guess)
        super().__init__(lambda p: matrix @ p, precondition, b, x, remove_means)

    def dot(self, a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b)

    def norm(self, a: np.ndarray) -> float:
        return float(np.linalg.norm(a))


def solve_preconditioned(
    system: PoissonSystem,
    precondition: Preconditioner,
    rhs: Tensor,
    guess: Tensor | None,
    rtol: float,
    max_iterations: int,
) -> Outcome:
    """Conjugate gradients on the matrix of a system, from the guess (0 when None)."""
    space = MatrixSpace(system, precondition, rhs, guess)
    iterations, history = pcg.iterate(space, space.norm(space.b), rtol, max_iterations)
    return Outcome(system.from_unknowns(space.x), iterations, history)
