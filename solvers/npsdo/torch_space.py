"""The vectors of the outer iterations as torch expressions: CG, and PSDO of the paper."""

from __future__ import annotations

from torch import Tensor

from solvers.krylov.vector_space import VectorSpace, first_guess
from solvers.npsdo.preconditioner import Preconditioner
from solvers.npsdo.safeguards import Watch
from solvers.system import PoissonSystem


class TorchSpace(VectorSpace):
    """Conjugate gradients with a network as preconditioner, watched; on any device."""

    def __init__(
        self,
        system: PoissonSystem,
        precondition: Preconditioner,
        rhs: Tensor,
        guess: Tensor | None,
        watch: Watch,
    ) -> None:
        x, remove_means = first_guess(rhs, guess), system.floating.remove_means
        super().__init__(system.apply, precondition, rhs, x, remove_means)
        self.watch = watch

    def start(self) -> tuple[float, float]:
        self.watch.restart()
        return super().start()

    def pressure(self) -> Tensor:
        return self.x

    def preconditioned(self) -> tuple[float, float]:
        norm = self.norm(self.r)
        if self.watch.is_over(norm):
            return 0.0, norm
        return self.watch.checked(self._direction()), norm

    def _direction(self) -> float:
        """z from r; returns (r, z)."""
        self.z = self.precondition(self.r)
        return self.dot(self.r, self.z)


class DescentSpace(TorchSpace):
    """Preconditioned steepest descent with A-orthogonalisation (PSDO), algorithm 1 of the paper.

    Each direction is made A-orthogonal to the last `kept_directions`; older ones are dropped. The
    step along a direction may be negative, so z may be reversed. The residual is orthogonal to the
    directions kept, hence (r, p) = (r, z).
    """

    def __init__(self, *args, kept_directions: int) -> None:
        super().__init__(*args)
        self.kept_directions = kept_directions
        self.directions: list[tuple[Tensor, Tensor, float]] = []

    def start(self) -> tuple[float, float]:
        self.directions = []
        return super().start()

    def product(self) -> float:
        pq = super().product()
        self.directions.append((self.p, self.q, pq))
        return pq

    def turn(self, beta: float) -> None:
        self.directions = self.directions[max(len(self.directions) - self.kept_directions, 0) :]
        p = self.z
        for direction, product, square in self.directions:
            p = p - self.dot(p, product) / square * direction
        self.p = p

    def _direction(self) -> float:
        z = self.precondition(self.r)
        rz = self.dot(self.r, z)
        self.z = z if rz >= 0 else -z
        return abs(rz)
